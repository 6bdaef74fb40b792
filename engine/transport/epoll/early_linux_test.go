package epoll

import (
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// deaf is a session that reports its descriptor's options when input comes, and ends.
type deaf struct {
	transport.Session
	c       *conn
	options chan [2]int
}

func (d *deaf) Run(*transport.Turn) transport.Next {
	noDelay, _ := syscall.GetsockoptInt(int(d.c.fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
	alive, _ := syscall.GetsockoptInt(int(d.c.fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
	d.options <- [2]int{noDelay, alive}
	return transport.Close
}

func (d *deaf) Closed(error) {}

// TestEarlyConnections: a connection that was made before Serve is as any other: its small packets do not wait for the
// acknowledgement of those before (Nagle's algorithm), and it is kept alive.
func TestEarlyConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	options := make(chan [2]int)
	r, err := New(transport.Options{NewSession: func(c transport.Conn) transport.Session {
		return &deaf{c: c.(*conn), options: options}
	}})
	require.NoError(t, err)
	served := make(chan error, 1)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		_, err = io.WriteString(c, "x")
		require.NoError(t, err)
		return c
	}
	dial()
	go func() { served <- r.Serve(l) }()
	require.Equal(t, [2]int{1, 1}, <-options, "made before Serve")
	dial()
	require.Equal(t, [2]int{1, 1}, <-options, "made after it")
	r.Close()
	require.Equal(t, transport.ErrStopped, <-served)
	<-r.Done()
}
