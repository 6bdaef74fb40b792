//go:build linux || darwin

package guest

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ashore returns a connection that no loop has, and its peer.
func ashore(t *testing.T) (c *Conn, peer net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	peer, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	sock, err := l.Accept()
	require.NoError(t, err)
	c = (&Runner{crew: newCrew()}).newConn(sock)
	t.Cleanup(func() { c.Close(); peer.Close() })
	return c, peer
}

// Deadlines are set by sessions, handlers and whoever wakes them. Of two calls at once one is the later one for the socket, too.
func TestDeadlinesAtOnce(t *testing.T) {
	c, peer := ashore(t)
	past := time.Unix(1, 0)
	_, err := peer.Write([]byte("x"))
	require.NoError(t, err)
	for range 5_000 {
		var both sync.WaitGroup
		for _, at := range []time.Time{past, {}, past, {}, past, {}} {
			both.Go(func() { c.SetDeadline(at) })
		}
		both.Wait()
		c.SetDeadline(time.Time{})
		p := make([]byte, 1)
		_, err := c.Read(p)
		require.NoError(t, err)
		_, err = c.Write(p)
		require.NoError(t, err)
		_, err = peer.Read(p)
		require.NoError(t, err)
		_, err = peer.Write(p)
		require.NoError(t, err)
	}
}
