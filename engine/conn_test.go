package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func post(body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestConnSize(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Conn{}), uintptr(80), "a size class of the allocator")
}

// A deadline is the time in seconds after the start; every turn takes one second, the accept was at 0.
func TestDeadlines(t *testing.T) {
	type timeouts struct{ head, read, write, idle time.Duration }
	all := timeouts{10, 20, 30, 40}
	for _, tt := range []struct {
		name   string
		s      timeouts // seconds
		h      handlerFunc
		pieces []string
		log    []string
	}{
		{"none", timeouts{}, echo(100), []string{get, get[:5], get[5:], post("x")}, nil},
		{"no body", all, echo(100), []string{get},
			[]string{"write until 31", "read until 41"}},
		{"head in pieces: from accept, then from the first byte", all, echo(100), []string{get[:5], get[5:], get[:5], get[5:9], get[9:]},
			[]string{"write until 32", "read until 42", "read until 13", "write until 35", "read until 45"}},
		{"the body's end counts from the head's first byte", all, echo(100), []string{get, post("x")[:5], post("x")[5:]},
			[]string{"write until 31", "read until 41", "read until 12", "read until 22", "write until 33", "read until 43"}},
		{"an idle deadline is lifted for a body", timeouts{idle: 40}, echo(100), []string{get, post("x")},
			[]string{"read until 41", "read until never", "read until 42"}},
		{"an idle deadline is lifted for a head", timeouts{idle: 40}, echo(100), []string{get, get[:5], get[5:]},
			[]string{"read until 41", "read until never", "read until 43"}},
		{"ReadTimeout is for the head too", timeouts{read: 20}, echo(100), []string{get, get[:5], get[5:]},
			[]string{"read until never", "read until 22", "read until never"}},
		{"a handler's deadlines end with its request", timeouts{}, func(x *Exchange) {
			if !x.BodyDone() {
				x.SetReadDeadline(transport.Time(scriptStart + 7e9))
				x.SetWriteDeadline(transport.Time(scriptStart + 8e9))
			}
			echo(100)(x)
		}, []string{post("x"), get},
			[]string{"read until 7", "write until 8", "read until never", "write until never"}},
		{"pipelined requests wait once", all, echo(100), []string{get + get},
			[]string{"write until 31", "write until 31", "read until 41"}},
		{"a refusal", all, echo(100), []string{"\n"}, []string{"write until 31"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Server{Handler: tt.h, ReadHeaderTimeout: tt.s.head * time.Second, ReadTimeout: tt.s.read * time.Second,
				WriteTimeout: tt.s.write * time.Second, IdleTimeout: tt.s.idle * time.Second}
			sc := newScript(s)
			sc.log = nil // what open set, by the real clock
			for _, p := range tt.pieces {
				sc.pieces = []string{p}
				sc.feed()
				sc.turn()
			}
			require.Equal(t, tt.log, sc.log)
		})
	}
}

func TestOpenSetsTheFirstHeadsDeadline(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 0, time.Hour: 1, -1: 0} {
		require.Len(t, newScript(&Server{Handler: echo(1), ReadHeaderTimeout: d}).log, want, d)
	}
}

func TestExpireIsSilent(t *testing.T) {
	for _, in := range []string{"", get[:5], get, get + get[:5]} {
		sc := newScript(&Server{Handler: echo(100)}, in)
		require.Equal(t, transport.Read, sc.play())
		before := sc.sent.String()
		require.Equal(t, transport.Close, sc.session.Expire(&sc.t))
		sc.send()
		require.Equal(t, before, sc.sent.String())
		require.False(t, sc.session.Idle())
	}
}

// TestExpireIsAnswered: with AnswerTimeouts, if a head has begun. Between requests there is nobody to talk to.
func TestExpireIsAnswered(t *testing.T) {
	for in, begun := range map[string]bool{"": false, get[:1]: true, get[:5]: true, get: false, get + "\r\n": false, get + get[:5]: true} {
		sc := newScript(&Server{Handler: echo(100), AnswerTimeouts: true}, in)
		require.Equal(t, transport.Read, sc.play())
		before := sc.sent.String()
		next := sc.session.Expire(&sc.t)
		sc.send()
		late := strings.TrimPrefix(sc.sent.String(), before)
		if begun {
			require.Equal(t, transport.Linger, next, in)
			require.True(t, strings.HasPrefix(late, "HTTP/1.1 408 Request Timeout\r\n"), late)
			require.Contains(t, late, "Connection: close\r\n")
		} else {
			require.Equal(t, transport.Close, next, in)
			require.Empty(t, late)
		}
		require.False(t, sc.session.Idle())
	}
}

// TestWriteTimeoutRenews: what a handler leaves behind after a long time has the whole of the timeout, if the server says so.
func TestWriteTimeoutRenews(t *testing.T) {
	for _, renews := range []bool{false, true} {
		sc := newScript(&Server{Handler: echo(100), WriteTimeout: 30 * time.Second, WriteTimeoutRenews: renews}, get)
		sc.lent, sc.log = true, nil // the handler's loop went on without it; the script's time is long ago
		sc.play()
		writes := 0
		for _, line := range sc.log {
			if strings.HasPrefix(line, "write until") {
				writes++
			}
		}
		require.Equal(t, map[bool]int{false: 1, true: 2}[renews], writes, sc.log)
	}
}

func TestReadDeadlineOfABodyCanBeLifted(t *testing.T) {
	in := post("hello")
	var errs []error
	var sc *script
	sc = newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		p := make([]byte, 10)
		n, err := x.ReadBody(p)
		errs = append(errs, err)
		m, err := x.ReadBody(p[n:])
		errs = append(errs, err)
		sc.pieces = []string{"lo"}
		k, err := x.ReadBody(p[n+m:])
		errs = append(errs, err)
		reply(x, string(p[:n+m+k]))
	})}, in[:len(in)-2])
	require.Equal(t, transport.Read, sc.play())
	require.Equal(t, []error{nil, os.ErrDeadlineExceeded, io.EOF}, errs)
	require.Equal(t, answer("hello"), sc.sent.String())
	require.True(t, sc.session.Idle())
}

func TestIdle(t *testing.T) {
	sc := newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		require.False(t, (*session)(x.Conn()).Idle())
		reply(x, "")
	})})
	c := (*Conn)(sc.session.(*session))
	c.since = transport.Clock()
	require.False(t, sc.session.Idle(), "a new connection gets its time")
	c.since -= int64(freshIdleAfter) + 1e9
	require.True(t, sc.session.Idle())
	for _, step := range []struct {
		piece string
		idle  bool
	}{{"\r", true}, {"\n" + get[:1], false}, {get[1:], true}, {"\r\n", true}, {get + get, true}, {get + get[:9], false}} {
		sc.pieces = []string{step.piece}
		sc.feed()
		require.Equal(t, transport.Read, sc.turn())
		require.Equal(t, step.idle, sc.session.Idle(), "%q", step.piece)
	}
}

func TestIdleConnectionHoldsNothing(t *testing.T) {
	sc := newScript(&Server{Handler: echo(100)}, get[:9])
	sc.play()
	c := (*Conn)(sc.session.(*session))
	require.NotNil(t, c.partial)
	sc.pieces = []string{get[9:]}
	sc.play()
	require.Nil(t, c.partial)
	require.Nil(t, sc.t.Buffer())
}

// A partial head whose connection ends must not show in the next connection's head.
func TestPartialHeadIsForgotten(t *testing.T) {
	s := &Server{Handler: echo(100)}
	for range 20 {
		sc := newScript(s, "GET /long/and/odd HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n")
		sc.play()
		sc.session.Closed(nil)
		sc = newScript(s, get[:9], get[9:])
		sc.play()
		require.Equal(t, answer("GET / "), sc.sent.String())
	}
}

func TestClosing(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    handlerFunc
		in   string
		next transport.Next
	}{
		{"keep", func(x *Exchange) { reply(x, ""); require.False(t, x.Closing()) }, get, transport.Read},
		{"SetClose", func(x *Exchange) { x.SetClose(false); require.True(t, x.Closing()) }, get, transport.Close},
		{"linger", func(x *Exchange) { x.SetClose(true); require.True(t, x.Closing()) }, get, transport.Linger},
		{"abort", func(x *Exchange) { x.Abort(); require.True(t, x.Closing()) }, get, transport.Abort},
		{"HTTP/1.0", func(x *Exchange) { require.True(t, x.Closing()) }, "GET / HTTP/1.0\r\n\r\n", transport.Close},
		{"HTTP/1.0 keep-alive", func(x *Exchange) {}, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", transport.Read},
		{"input nobody reads", func(x *Exchange) { x.SetClose(false) }, get + get, transport.Linger},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.next, newScript(&Server{Handler: tt.h}, tt.in).play())
		})
	}
}

func TestWriteErrorEndsTheConnection(t *testing.T) {
	sc := newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		require.Equal(t, errScript, x.Flush([]byte("x")))
		_, err := x.SendFile(nil, 1)
		require.Equal(t, errScript, err)
	})}, get)
	sc.flushErr = errScript
	require.Equal(t, transport.Close, sc.play())
}

// Output above the mark is sent before the next request is looked at.
func TestOutHigh(t *testing.T) {
	big := strings.Repeat("x", transport.OutHigh)
	sc := newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		require.False(t, x.OutFull())
		reply(x, big)
		require.True(t, x.OutFull())
	})}, get+get+get)
	require.Equal(t, transport.Read, sc.play())
	require.Equal(t, []string{"drained", "drained", "drained"}, sc.log)
	require.Equal(t, strings.Repeat(answer(big), 3), sc.sent.String())
	require.True(t, sc.session.Idle())
}

func TestHijack(t *testing.T) {
	for _, tt := range []struct{ name, in, pending string }{
		{"nothing more", get, ""},
		{"over-read", get + "more", "more"},
		{"body", post("hello"), "hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var states []ConnState
			s := &Server{}
			s.Hooks.State = func(_ *Conn, st ConnState) { states = append(states, st) }
			var sc *script
			s.Handler = handlerFunc(func(x *Exchange) {
				x.SetOut(append(x.Out(), "HTTP/1.1 101 Switching Protocols\r\n\r\n"...))
				nc, pending, err := x.Hijack()
				require.NoError(t, err)
				require.Equal(t, sc.peer, nc)
				require.Equal(t, tt.pending, string(pending))
				_, _, err = x.Hijack()
				require.Equal(t, ErrHijacked, err)
				require.Equal(t, ErrHijacked, x.Flush())
			})
			sc = newScript(s, tt.in)
			require.Equal(t, transport.Gone, sc.play())
			require.Equal(t, []ConnState{StateActive, StateHijacked}, states)
			require.Equal(t, Counters{Accepted: 1, Requests: 1, Hijacked: 1}, s.Counters())
			require.False(t, sc.begun)
			require.Equal(t, "HTTP/1.1 101 Switching Protocols\r\n\r\n", sc.sent.String())
		})
	}
}

func TestPanic(t *testing.T) {
	var logged []string
	s := &Server{Logf: func(f string, a ...any) { logged = append(logged, fmt.Sprintf(f, a...)) }}
	s.Handler = handlerFunc(func(x *Exchange) { reply(x, "lost"); panic("ouch") })
	sc := newScript(s, get+get)
	require.Equal(t, transport.Abort, sc.play())
	require.True(t, sc.aborted)
	require.False(t, sc.begun, "End has been called")
	require.Len(t, logged, 1)
	require.True(t, strings.HasPrefix(logged[0], "http: panic serving 192.0.2.1:99: ouch\ngoroutine "), logged[0])
	require.Contains(t, logged[0], "TestPanic")
	require.Equal(t, Counters{Accepted: 1, Open: 1, Requests: 1, Panics: 1}, s.Counters())
}

func TestPanicAfterHijack(t *testing.T) {
	sc := newScript(&Server{Handler: handlerFunc(func(x *Exchange) { x.Hijack(); panic("ouch") })}, get)
	require.Equal(t, transport.Gone, sc.play())
	require.False(t, sc.aborted)
}

func TestGoexit(t *testing.T) {
	var ctx Context
	s := &Server{Handler: handlerFunc(func(x *Exchange) {
		ctx.Init(context.Background(), x)
		x.SetContext(&ctx)
		runtime.Goexit()
	})}
	sc := newScript(s, get)
	returned, done := false, make(chan struct{})
	go func() {
		defer close(done)
		sc.play()
		returned = true
	}()
	<-done
	require.False(t, returned)
	require.True(t, sc.aborted)
	require.False(t, sc.begun, "End has been called")
	require.Equal(t, context.Canceled, ctx.Err())
	require.False(t, sc.session.Idle())
}

func TestHooks(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		keep     bool
		states   []ConnState
	}{
		{"no bytes", "", true, []ConnState{StateClosed}},
		{"part of a head", get[:9], true, []ConnState{StateActive, StateClosed}},
		{"keep-alive", get, true, []ConnState{StateActive, StateIdle, StateClosed}},
		{"two", get + get, true, []ConnState{StateActive, StateIdle, StateActive, StateIdle, StateClosed}},
		{"refused", "x\r\n\r\n", true, []ConnState{StateActive, StateClosed}},
		{"not kept", get + get, false, []ConnState{StateActive, StateIdle, StateClosed}},
		{"asked to close", "GET / HTTP/1.0\r\n\r\n", true, []ConnState{StateActive, StateClosed}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var opened *Conn
			var states []ConnState
			s := &Server{Handler: echo(100), Hooks: Hooks{
				Opened:    func(c *Conn) { opened = c; c.SetValue("v") },
				State:     func(c *Conn, st ConnState) { require.Same(t, opened, c); states = append(states, st) },
				KeepAlive: func() bool { return tt.keep },
			}}
			sc := newScript(s, strings.Split(tt.in, "")...)
			sc.own = true
			sc.eof = true
			sc.play()
			sc.session.Closed(nil)
			require.Equal(t, tt.states, states)
			require.Equal(t, "v", opened.Value())
			require.Zero(t, s.Counters().Open)
		})
	}
}

func TestExchangeTellsAboutItsConnection(t *testing.T) {
	s := &Server{}
	var sc *script
	s.Handler = handlerFunc(func(x *Exchange) {
		require.Same(t, s, x.Server())
		require.Equal(t, "192.0.2.1:99", x.Conn().Remote())
		require.Equal(t, "192.0.2.1:99", x.Conn().RemoteAddr().String())
		require.Equal(t, "192.0.2.2:80", x.Conn().LocalAddr().String())
		require.Equal(t, fakeListener{}, x.Conn().Listener())
		require.Nil(t, x.Conn().NetConn())
		require.Equal(t, get, string(x.HeadBytes()))
		require.Equal(t, sc.now, x.Now())
		require.Equal(t, sc.now.UTC().Format(dateLayout), string(x.Date()))
		require.NoError(t, x.Flush())
		require.NotEqual(t, sc.now, x.Now(), "after waiting the turn's time is old")
		sc.hungUp = true
		require.True(t, x.HungUp())
	})
	sc = newScript(s, get)
	sc.play()
}
