package overtls_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/epoll"
	"github.com/peregrine-http/peregrine/engine/transport/overtls"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

// hello is the first record of a client.
func hello(t testing.TB) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer b.Close()
	go tls.Client(a, &tls.Config{InsecureSkipVerify: true}).Handshake()
	buf := make([]byte, 16<<10)
	n, err := b.Read(buf)
	require.NoError(t, err)
	return buf[:n]
}

// stall begins a handshake and leaves it.
func stall(t testing.TB, c net.Conn) {
	t.Helper()
	_, err := c.Write(hello(t))
	require.NoError(t, err)
}

// handshaking returns how many goroutines are in a handshake of ours.
func handshaking() int {
	buf := make([]byte, 8<<20)
	return bytes.Count(buf[:runtime.Stack(buf, true)], []byte("overtls.(*Conn).handshake("))
}

// TestStalledHandshake: it ends when its time has passed, wherever it stands.
func TestStalledHandshake(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		s := serve(t, transport, echo, func(es *engine.Server) { es.HandshakeTimeout = 400 * time.Millisecond })
		first := hello(t)
		var stalled []net.Conn
		for _, n := range []int{0, 1, 5, len(first) - 1, len(first)} {
			c := s.raw(t)
			c.Write(first[:n]) // in time, or the end would be a reset
			stalled = append(stalled, c)
		}
		for _, c := range stalled {
			_, err := io.ReadAll(c)
			require.NoError(t, err)
		}
		eventually(t, "five lines", func() bool { return s.Counters().HandshakesFailed == 5 })
		require.Contains(t, s.logged(), "i/o timeout")
		// Who leaves is not waited for.
		c := s.raw(t)
		c.Write(first[:7])
		c.Close()
		eventually(t, "another line", func() bool { return s.Counters().HandshakesFailed == 6 })
	})
}

// TestResetHandshake: one that its peer cuts is told of, too, wherever it stands.
func TestResetHandshake(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		s := serve(t, transport, echo)
		first := hello(t)
		for i, n := range []int{0, 7, len(first)} {
			c := s.raw(t)
			eventually(t, "the connection", func() bool { return s.Counters().Open == 1 })
			c.Write(first[:n])
			if n == len(first) {
				io.ReadFull(c, make([]byte, 5)) // the server's answer
			}
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
			eventually(t, "a line", func() bool { return s.Counters().HandshakesFailed == uint64(i+1) && s.Counters().Open == 0 })
		}
		require.Equal(t, 3, strings.Count(s.logged(), "->"+"127.0.0.1:"), s.logged())
		require.Equal(t, 3, strings.Count(s.logged(), ": read: connection reset by peer"), s.logged())
	})
}

// TestManyStalled: a thousand handshakes that stall, with and without a goroutine, delay nobody.
func TestManyStalled(t *testing.T) {
	s := serve(t, "", echo)
	before := s.dial(t)
	must(t)(before.get("/"))
	first := hello(t)
	for i := range 1000 {
		c := s.raw(t)
		if i%2 == 0 {
			c.Write(first)
		} else {
			c.Write(first[:len(first)/2])
		}
	}
	eventually(t, "half of them to be in a handshake", func() bool { return handshaking() == 500 })
	for range 20 {
		require.Equal(t, "/x", must(t)(s.dial(t).get("/x")))
		require.Equal(t, "/y", must(t)(before.get("/y")))
	}
	require.Zero(t, s.Counters().HandshakesFailed)
}

// TestCrowd: of more handshakes than may run at once the oldest are cut, so that an honest one gets through.
func TestCrowd(t *testing.T) {
	ca := newAuthority(t)
	failed := make(chan error, 100)
	layer := overtls.New(overtls.Config{
		TLS:           &tls.Config{Certificates: []tls.Certificate{ca.sign(t, "localhost")}},
		HandshakesMax: 10,
		Failed:        func(_ transport.Conn, err error) { failed <- err },
	})
	r, err := portable.New(transport.Options{NewSession: layer.Under(func(transport.Conn) transport.Session { return echoing{} })})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go r.Serve(l)
	defer func() {
		r.Close()
		await(t, r.Done(), "the runner to end")
	}()
	s := &server{t: t, ca: ca, addr: l.Addr().String()}
	conns := make([]net.Conn, 30)
	for i := range conns {
		conns[i] = s.raw(t)
		stall(t, conns[i])
		eventually(t, "its handshake", func() bool { return handshaking() == min(i+1, 10) && len(failed) == max(0, i-9) })
	}
	c := s.dial(t)
	io.WriteString(c, "hello")
	b := make([]byte, 5)
	_, err = io.ReadFull(c, b)
	require.NoError(t, err)
	require.Equal(t, "hello", string(b))
	for range 21 {
		require.ErrorContains(t, await(t, failed, "a cut"), "to make room")
	}
	for _, c := range conns[:21] {
		c.SetReadDeadline(time.Now().Add(patience))
		io.Copy(io.Discard, c)
	}
}

// TestCut: handshakes that are older than is said are cut, and no others.
func TestCut(t *testing.T) {
	onTransports(t, func(t *testing.T, name string) {
		failed := make(chan error, 3)
		layer := overtls.New(overtls.Config{
			TLS:    &tls.Config{Certificates: []tls.Certificate{newAuthority(t).sign(t, "localhost")}},
			Failed: func(_ transport.Conn, err error) { failed <- err },
		})
		o := transport.Options{NewSession: layer.Under(func(transport.Conn) transport.Session { return echoing{} })}
		r, err := portable.New(o)
		if name == "epoll" {
			r, err = epoll.New(o)
		}
		require.NoError(t, err)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go r.Serve(l)
		defer func() {
			r.Close()
			await(t, r.Done(), "the runner to end")
		}()
		s := &server{t: t, addr: l.Addr().String()}
		conns := []net.Conn{s.raw(t), s.raw(t), s.raw(t)}
		for _, c := range conns {
			stall(t, c)
		}
		eventually(t, "their handshakes", func() bool { return handshaking() == 3 })
		layer.Cut(time.Hour)
		require.Equal(t, 3, handshaking())
		r.Drain()
		layer.Cut(0)
		await(t, r.Done(), "the connections to end")
		for range conns {
			require.ErrorIs(t, await(t, failed, "a cut"), net.ErrClosed)
		}
	})
}

// echoing is a session that sends back what comes.
type echoing struct{}

func (echoing) Run(t *transport.Turn) transport.Next {
	t.Out = append(t.Out, t.In...)
	t.In = t.In[len(t.In):]
	return transport.Read
}
func (echoing) Expire(*transport.Turn) transport.Next { return transport.Close }
func (echoing) Idle() bool                            { return true }
func (echoing) HangUp(bool)                           {}
func (echoing) Closed(error)                          {}
