//go:build linux || darwin

package guest_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/peregrine-http/peregrine/engine"
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
			return ours, c.TCPConn, func() { ours.Close(); c.Close(); s.Close() }, err
		})
	})
}
