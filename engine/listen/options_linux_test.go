package listen

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/peregrine-http/peregrine/engine"
)

func option(t *testing.T, c syscall.Conn, level, name int) (value int) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { value, err = unix.GetsockoptInt(int(fd), level, name) }))
	require.NoError(t, err)
	return value
}

func TestOptions(t *testing.T) {
	l, err := Config{DeferAccept: 5 * time.Second, FastOpen: 16, Backlog: 3, ReusePort: true}.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	sc := l.(syscall.Conn)
	require.NotZero(t, option(t, sc, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT))
	require.NotZero(t, option(t, sc, unix.IPPROTO_TCP, unix.TCP_FASTOPEN))
	require.NotZero(t, option(t, sc, unix.SOL_SOCKET, unix.SO_REUSEPORT))

	// A connection that says nothing is not there yet.
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	l.(*net.TCPListener).SetDeadline(time.Now().Add(100 * time.Millisecond))
	_, err = l.Accept()
	require.ErrorContains(t, err, "timeout")
	l.(*net.TCPListener).SetDeadline(time.Time{})
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	s, err := l.Accept()
	require.NoError(t, err)
	s.Close()
}

// TestBacklog: of the connections that nobody accepts the kernel takes one more than the backlog.
func TestBacklog(t *testing.T) {
	l, err := Config{Backlog: 2}.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	raw, err := l.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	var info *unix.TCPInfo
	require.NoError(t, raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }))
	require.NoError(t, err)
	require.EqualValues(t, 2, info.Sacked, "where the kernel reports the backlog of a listening socket")
}

// Whoever accepts, package net or our loops, finds connections with the keep-alive that was asked for, and with package net's
// if none was.
func TestKeepAlive(t *testing.T) {
	for _, c := range []struct {
		config                Config
		idle, interval, count int
	}{
		{Config{}, 15, 15, 9},
		{Config{KeepAliveIdle: 40 * time.Second, KeepAliveInterval: 7 * time.Second, KeepAliveCount: 3}, 40, 7, 3},
		{Config{KeepAliveIdle: time.Hour, Backlog: 10}, 3600, 15, 9},
	} {
		check := func(sc syscall.Conn) {
			require.Equal(t, 1, option(t, sc, unix.SOL_SOCKET, unix.SO_KEEPALIVE))
			require.Equal(t, 1, option(t, sc, unix.IPPROTO_TCP, unix.TCP_NODELAY))
			require.Equal(t, c.idle, option(t, sc, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE))
			require.Equal(t, c.interval, option(t, sc, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL))
			require.Equal(t, c.count, option(t, sc, unix.IPPROTO_TCP, unix.TCP_KEEPCNT))
		}
		l, err := c.config.Listen("127.0.0.1:0")
		require.NoError(t, err)
		dial := func() net.Conn {
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			return c
		}
		dial()
		s, err := l.Accept()
		require.NoError(t, err)
		check(s.(syscall.Conn))
		s.Close()

		opened := make(chan net.Conn, 2)
		srv := &engine.Server{Transport: "epoll", NetConns: true, Handler: nobody{},
			Hooks: engine.Hooks{Opened: func(c *engine.Conn) { opened <- c.NetConn() }}}
		dial() // in the queue before serving begins
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		first := <-opened
		dial()
		second := <-opened
		check(first.(syscall.Conn))
		check(second.(syscall.Conn))
		srv.Close()
		<-served
	}
}

type nobody struct{}

func (nobody) ServeExchange(*engine.Exchange) {}
