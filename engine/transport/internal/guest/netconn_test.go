//go:build linux || darwin

package guest_test

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport/netpoll"
)

// A connection that a handler has taken over is a net.Conn like any other, on a loop or off it.
func TestNetConn(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		nettest.TestConn(t, func() (ours, peer net.Conn, stop func(), err error) {
			taken := make(chan net.Conn, 1)
			s := serve(t, name, func(x *engine.Exchange) {
				nc, pending, err := x.Hijack()
				require.NoError(t, err)
				require.Empty(t, pending)
				taken <- nc
			})
			c := s.dial(t)
			c.send(get)
			ours = <-taken
			var none [0]byte
			_, err = ours.Read(none[:])
			peer = c.TCPConn
			if name == "netpoll" {
				peer = &bounded{Conn: c.TCPConn, left: netpoll.InputMax}
			}
			return ours, peer, func() { ours.Close(); c.Close(); s.Close() }, err
		})
	})
}

// bounded sends only so much in all. One of the tests sends without end to who reads slowly; netpoll cuts such a peer, which
// TestInputMax shows, and whether it gets there depends on the machine.
type bounded struct {
	net.Conn
	left int // used by the one goroutine that writes without end
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errors.New("enough has been sent")
	}
	n, err := b.Conn.Write(p)
	b.left -= n
	return n, err
}
