package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/transport"
)

func TestNewRefuses(t *testing.T) {
	for want, c := range map[string]Config{
		"Config.Trusted is nobody":        {},
		"Config.Trusted: invalid Prefix:": {Trusted: listen.Peers{Prefixes: []netip.Prefix{{}}}},
		"Config.Timeout is -1s":           {Trusted: loopback, Timeout: -time.Second},
	} {
		_, err := New(nothing{}, c)
		require.ErrorContains(t, err, want)
	}
	_, err := New(nil, Config{Trusted: loopback})
	require.ErrorContains(t, err, "the listener is nil")
}

const header1 = "PROXY TCP4 1.2.3.4 5.6.7.8 1234 80\r\n"

// Who is trusted may speak for others; who is not is closed before a byte of it is looked at, or, where headers are
// optional, when it tries.
func TestPeers(t *testing.T) {
	unix := &net.UnixAddr{Net: "unix", Name: "@"}
	far := &net.TCPAddr{IP: net.IPv4(10, 1, 1, 1), Port: 1}
	for _, c := range []struct {
		peer     net.Addr
		trusted  listen.Peers
		optional bool
		in       string
		want     string // the address that is seen, or "" if the connection is closed
	}{
		{local, loopback, false, header1, "1.2.3.4:1234"},
		{local, elsewhere, false, header1, ""},
		{local, elsewhere, false, "GET", ""},
		{far, elsewhere, false, header1, "1.2.3.4:1234"},
		{unix, elsewhere, false, header1, ""},
		{unix, loopback, false, header1, "1.2.3.4:1234"},
		{unix, loopback, false, "PROXY UNKNOWN\r\n", "@"},
		{local, loopback, true, header1, "1.2.3.4:1234"},
		{local, loopback, true, "GET", "127.0.0.1:4000"},
		{local, loopback, true, "PROPFIND", "127.0.0.1:4000"},
		{local, loopback, true, "PROXY NONSENSE\r\n", ""},
		{local, elsewhere, true, "GET", "127.0.0.1:4000"},
		{local, elsewhere, true, header1, ""},
		{unix, elsewhere, true, v2(0x20, 0, ""), ""},
		{unix, elsewhere, true, "\x16\x03", "@"},
	} {
		config := Config{Trusted: c.trusted, Optional: c.optional}
		r := start(t, c.peer, config)
		next := r.feed(c.in, false)
		nc, lines := accept(t, config, &pieces{peer: c.peer, in: []string{c.in}})
		_, err := io.ReadAll(nc)
		if c.want == "" {
			require.Equal(t, transport.Close, next, c)
			require.Nil(t, r.inner)
			require.Len(t, r.log.lines(), 1)
			require.Error(t, err, c)
			require.Len(t, lines.lines(), 1)
			continue
		}
		require.Equal(t, transport.Read, next, c)
		require.Equal(t, c.want, r.inner.conn.RemoteAddr().String())
		require.NoError(t, err, c)
		require.Equal(t, c.want, nc.RemoteAddr().String())
		require.Empty(t, append(r.log.lines(), lines.lines()...))
	}
}

func TestLate(t *testing.T) {
	before := time.Now()
	r := start(t, local, Config{Trusted: loopback, Timeout: time.Minute})
	require.WithinRange(t, r.conn.readBy, before.Add(time.Minute), time.Now().Add(time.Minute))
	require.Equal(t, transport.Read, r.feed("PROXY", false))
	by := r.conn.readBy
	require.Equal(t, transport.Read, r.feed(" TCP4", false))
	require.Equal(t, by, r.conn.readBy, "sending slowly gains nothing")
	require.False(t, r.session.Idle())
	require.Equal(t, transport.Close, r.session.Expire(&r.turn))
	require.Contains(t, r.log.lines()[0], errLate.Error())
	r.session.Closed(nil)
	r.session.HangUp(true)
	require.Nil(t, r.inner)

	// Where it is optional, to send nothing is to send no header. What comes then is not one any more.
	r = start(t, local, Config{Trusted: loopback, Optional: true})
	require.Equal(t, transport.Read, r.session.Expire(&r.turn))
	require.Equal(t, transport.Read, r.feed(header1, false))
	require.Equal(t, header1, r.inner.in)
	require.Equal(t, "127.0.0.1:4000", r.inner.conn.RemoteAddr().String())
	r = start(t, local, Config{Trusted: loopback, Optional: true})
	require.Equal(t, transport.Read, r.feed("PR", false))
	require.Equal(t, transport.Close, r.session.Expire(&r.turn))

	for _, optional := range []bool{false, true} {
		for _, in := range []string{"", "PROXY"} {
			config := Config{Trusted: loopback, Optional: optional, Timeout: time.Minute}
			nc, lines := accept(t, config, &pieces{peer: local, in: []string{in}, end: os.ErrDeadlineExceeded})
			_, err := nc.Read(make([]byte, 1))
			require.ErrorIs(t, err, map[bool]error{false: errLate, true: os.ErrDeadlineExceeded}[optional && in == ""])
			require.Equal(t, !(optional && in == ""), len(lines.lines()) == 1)
		}
	}
}

// A connection that breaks, or that we close, before its header has come is not refused: the log is for what peers do.
func TestBrokenIsNotRefused(t *testing.T) {
	for _, in := range []string{"", "PROXY"} {
		for _, end := range []error{net.ErrClosed, syscall.ECONNRESET} {
			p := &pieces{peer: local, in: []string{in}, end: end}
			nc, lines := accept(t, Config{Trusted: loopback}, p)
			_, err := nc.Read(make([]byte, 1))
			require.ErrorIs(t, err, end)
			require.True(t, p.closed)
			require.Empty(t, lines.lines())
		}
	}
}

// On some systems a peer that has gone at once has no address.
func TestPeerWithoutAddress(t *testing.T) {
	for _, optional := range []bool{false, true} {
		nc, _ := accept(t, Config{Trusted: loopback, Optional: optional}, &pieces{in: []string{header1}})
		require.Nil(t, nc.RemoteAddr())
		_, err := nc.Read(make([]byte, 1))
		require.ErrorIs(t, err, errPeer)
	}
}

// When the header has been read, all calls go to the session inside.
func TestPassesOn(t *testing.T) {
	r := start(t, local, Config{Trusted: loopback})
	r.feed(header1, false)
	require.Equal(t, "", r.inner.in)
	r.feed("a", false)
	require.Equal(t, transport.Linger, r.session.Expire(&r.turn))
	r.session.HangUp(true)
	require.True(t, r.session.Idle())
	r.session.(transport.Parting).Part(&r.turn)
	require.Equal(t, "bye", string(r.turn.Out))
	why := errors.New("why")
	r.session.Closed(why)
	require.Equal(t, &inner{conn: r.inner.conn, in: "a", calls: []string{"expire", "hang up"}, closed: []error{why}}, r.inner)
}

// Many refusals are few lines, of which the last says how many there were.
func TestLogIsBounded(t *testing.T) {
	lines := new(log)
	j := journal{log: lines.logger()}
	at := time.Unix(1000, 0)
	for range 1000 {
		j.line(local, errMissing, at)
	}
	require.Len(t, lines.lines(), logLines)
	j.line(local, errMissing, at.Add(logWindow+1))
	require.Len(t, lines.lines(), logLines+1)
	require.Contains(t, lines.lines()[logLines], "skipped=990")
	j.line(local, errMissing, at.Add(logWindow+1))
	require.Contains(t, lines.lines()[logLines+1], "skipped=0")
}
