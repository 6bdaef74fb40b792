package proxy

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/transport"
)

var loopback = listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, Unix: true}

var elsewhere = listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}

// log is a place for lines.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")[:strings.Count(l.text.String(), "\n")]
}

func (l *log) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func wrap(t testing.TB, l net.Listener, c Config) (*Listener, *log) {
	lines := new(log)
	c.Logger = lines.logger()
	wrapped, err := New(l, c)
	require.NoError(t, err)
	return wrapped, lines
}

// nothing is a listener for tests that bring connections of their own.
type nothing struct{ net.Listener }

// plain is a transport's connection that does nothing.
type plain struct {
	transport.Conn
	peer   net.Addr
	readBy time.Time
}

func (p *plain) RemoteAddr() net.Addr         { return p.peer }
func (p *plain) LocalAddr() net.Addr          { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (p *plain) SetReadDeadline(at time.Time) { p.readBy = at }
func (p *plain) NetConn() net.Conn            { return nil }

var local = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4000}

// inner is a session that notes what it gets.
type inner struct {
	conn   transport.Conn
	in     string
	eof    bool
	closed []error
	calls  []string
}

func (s *inner) Run(t *transport.Turn) transport.Next {
	s.in += string(t.In)
	s.eof = s.eof || t.EOF
	t.In = t.In[len(t.In):]
	return transport.Read
}

func (s *inner) Expire(*transport.Turn) transport.Next {
	s.calls = append(s.calls, "expire")
	return transport.Linger
}
func (s *inner) Idle() bool             { return true }
func (s *inner) Part(t *transport.Turn) { t.Out = append(t.Out, "bye"...) }
func (s *inner) HangUp(bool)            { s.calls = append(s.calls, "hang up") }
func (s *inner) Closed(err error)       { s.closed = append(s.closed, err) }

// run is one connection without a transport.
type run struct {
	conn    *plain
	session transport.Session
	inner   *inner // nil before it is made
	turn    transport.Turn
	log     *log
}

func start(t testing.TB, peer net.Addr, c Config) *run {
	l, lines := wrap(t, nothing{}, c)
	r := &run{conn: &plain{peer: peer}, log: lines}
	r.session = l.Layer(func(c transport.Conn) transport.Session {
		r.inner = &inner{conn: c}
		return r.inner
	})(r.conn)
	return r
}

// feed brings more input, as a transport does.
func (r *run) feed(in string, eof bool) transport.Next {
	r.turn.In = append(bytes.Clone(r.turn.In), in...)
	r.turn.EOF = eof
	return r.session.Run(&r.turn)
}

// pieces is a net.Conn that reads what it is given, piece by piece.
type pieces struct {
	net.Conn
	peer   net.Addr
	in     []string
	end    error
	closed bool
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.in) > 0 && p.in[0] == "" {
		p.in = p.in[1:]
	}
	if len(p.in) == 0 {
		return 0, p.end
	}
	n := copy(b, p.in[0])
	p.in[0] = p.in[0][n:]
	return n, nil
}

func (p *pieces) RemoteAddr() net.Addr            { return p.peer }
func (p *pieces) LocalAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (p *pieces) SetReadDeadline(time.Time) error { return nil }
func (p *pieces) Close() error                    { p.closed = true; return nil }

// one is a listener of one connection.
type one struct {
	net.Listener
	c net.Conn
}

func (o one) Accept() (net.Conn, error) { return o.c, nil }

// accept gets the pieces through a Listener's Accept.
func accept(t testing.TB, c Config, p *pieces) (net.Conn, *log) {
	if p.end == nil {
		p.end = io.EOF
	}
	l, lines := wrap(t, one{c: p}, c)
	nc, err := l.Accept()
	require.NoError(t, err)
	return nc, lines
}
