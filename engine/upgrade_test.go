package engine

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

const (
	upgradeHead = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: p\r\n\r\n"
	switching   = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: p\r\n\r\n"
)

// other is a Protocol that keeps what it is given and counts what it is told.
type other struct {
	sc     *script
	in     strings.Builder
	before string // what had been sent, and stood in Out, at its first Run
	runs   int
	told   []string
	err    error
}

func (o *other) Run(t *transport.Turn) transport.Next {
	if o.runs++; o.runs == 1 {
		o.before = o.sc.sent.String()
		if len(t.Out) > 0 {
			o.before += "; to send: " + string(t.Out)
		}
	}
	o.in.Write(t.In)
	t.In = t.In[len(t.In):]
	if t.EOF {
		return transport.Close
	}
	return transport.Read
}

func (o *other) Expire(*transport.Turn) transport.Next { o.tell("Expire"); return transport.Linger }
func (o *other) Idle() bool                            { return false }
func (o *other) HangUp(reset bool)                     { o.tell("HangUp") }
func (o *other) Closed(err error)                      { o.err = err; o.tell("Closed") }
func (o *other) Writable()                             { o.tell("Writable") }
func (o *other) Lent()                                 { o.tell("Lent") }
func (o *other) Drain()                                { o.tell("Drain") }
func (o *other) Ending()                               { o.tell("Ending") }
func (o *other) tell(what string)                      { o.told = append(o.told, what) }

// upgrading is a server that answers as echo does, but goes over to o at /chat; then runs there, after the upgrade.
func upgrading(o *other, then func(x *Exchange)) *Server {
	return &Server{Handler: handlerFunc(func(x *Exchange) {
		if string(x.Head().Path.In(x.HeadBytes())) != "/chat" {
			echo(100)(x)
			return
		}
		x.SetOut(append(x.Out(), switching...))
		if err := x.Upgrade(func(transport.Conn) transport.Protocol { return o }); err != nil {
			panic(err)
		}
		if then != nil {
			then(x)
		}
	})}
}

// TestUpgrade: what stands before the upgrade is answered, what stands behind it is the protocol's, wherever the input is
// cut, and the answer has left when the protocol's turn comes.
func TestUpgrade(t *testing.T) {
	first := "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
	in := first + upgradeHead + "GET /b HTTP/1.1\r\n\r\nand \x00 more"
	for cut := range len(in) + 1 {
		for _, lent := range []bool{false, true} {
			o := new(other)
			sv := upgrading(o, nil)
			sc := newScript(sv, in[:cut], in[cut:])
			o.sc = sc
			sc.lent, sc.own = lent, lent
			sc.eof = true
			require.Equal(t, transport.Close, sc.play())
			require.Equal(t, answer("GET /a ")+switching, o.before)
			require.Equal(t, o.before, sc.sent.String())
			require.Equal(t, in[len(first+upgradeHead):], o.in.String())
			require.EqualValues(t, 2, sv.Counters().Requests)
			require.EqualValues(t, 1, sv.Counters().Upgraded)
			require.Zero(t, sv.Counters().Open)
			require.Same(t, o, sc.session)
			require.Empty(t, o.told)
			require.Zero(t, sv.Counters().Hijacked)
		}
	}
}

func TestUpgradeHooksAndDeadlines(t *testing.T) {
	o := new(other)
	sv := upgrading(o, nil)
	sv.ReadHeaderTimeout, sv.WriteTimeout, sv.WriteTimeoutRenews, sv.IdleTimeout = time.Minute, time.Minute, true, time.Minute
	var states []ConnState
	sv.Hooks.State = func(_ *Conn, s ConnState) { states = append(states, s) }
	sv.Hooks.KeepAlive = func() bool { return false } // is not asked
	sc := newScript(sv, upgradeHead, "more")
	o.sc = sc
	require.Equal(t, transport.Read, sc.play())
	require.Equal(t, "more", o.in.String())
	require.Equal(t, []ConnState{StateActive, StateHijacked}, states)
	last := make(map[string]string) // deadline
	for _, line := range sc.log {
		if kind, until, ok := strings.Cut(line, " until "); ok {
			last[kind] = until
		}
	}
	require.Equal(t, map[string]string{"read": "never", "write": "never"}, last)
}

func TestUpgradeRefused(t *testing.T) {
	never := func(transport.Conn) transport.Protocol { panic("opened") }
	for _, tt := range []struct {
		name, in string
		h        handlerFunc
		upgraded uint64
	}{
		{"body", post("hello"), func(x *Exchange) {
			require.Equal(t, ErrBody, x.Upgrade(never))
			x.ReadBody(make([]byte, 2))
			require.Equal(t, ErrBody, x.Upgrade(never))
		}, 0},
		{"body that has been read", post("hello"), func(x *Exchange) {
			io.ReadAll(readerFunc(x.ReadBody))
			require.NoError(t, x.Upgrade(func(transport.Conn) transport.Protocol { return &other{sc: new(script)} }))
		}, 1},
		{"hijacked", get, func(x *Exchange) {
			_, _, err := x.Hijack()
			require.NoError(t, err)
			require.Equal(t, ErrHijacked, x.Upgrade(never))
		}, 0},
		{"aborted", get, func(x *Exchange) {
			x.Abort()
			require.Equal(t, ErrHijacked, x.Upgrade(never))
		}, 0},
		{"twice, and then Hijack", get, func(x *Exchange) {
			require.NoError(t, x.Upgrade(func(transport.Conn) transport.Protocol { return &other{sc: new(script)} }))
			require.Equal(t, ErrHijacked, x.Upgrade(never))
			_, _, err := x.Hijack()
			require.Equal(t, ErrHijacked, err)
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ran := false
			sv := &Server{Handler: handlerFunc(func(x *Exchange) { tt.h(x); ran = true })}
			sc := newScript(sv, tt.in)
			sc.play()
			require.True(t, ran)
			require.Equal(t, tt.upgraded, sv.Counters().Upgraded)
		})
	}
}

// TestUpgradeNeverRuns: the handler fails after the upgrade. The protocol is told of the end, and never runs.
func TestUpgradeNeverRuns(t *testing.T) {
	cut := errors.New("cut")
	for name, then := range map[string]func(x *Exchange){
		"panic": func(*Exchange) { panic("ouch") },
		"abort": func(x *Exchange) { x.Abort() },
	} {
		t.Run(name, func(t *testing.T) {
			o := new(other)
			sv := upgrading(o, then)
			var states []ConnState
			sv.Hooks.State = func(_ *Conn, s ConnState) { states = append(states, s) }
			sc := newScript(sv, upgradeHead+"more")
			o.sc = sc
			require.Equal(t, transport.Abort, sc.play())
			sc.session.Closed(cut)
			require.Zero(t, o.runs)
			require.Equal(t, []string{"Closed"}, o.told)
			require.Equal(t, cut, o.err)
			require.Equal(t, []ConnState{StateActive, StateHijacked}, states)
			require.Zero(t, sv.Counters().Open)
		})
	}
}
