package overtls_test

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// TestKeptConnection: who has been shown a connection, by a callback of TLS or by a hook, and keeps it, does nothing with it to the
// one that has taken its place in the loop's table.
func TestKeptConnection(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		for _, hooked := range []bool{false, true} {
			kept := make(chan net.Conn, 4)
			s := serve(t, transport, echo, func(es *engine.Server) {
				es.Loops = 1
				own := es.TLS
				es.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
					kept <- hello.Conn
					return own, nil
				}}
				if hooked {
					es.NetConns = true
					es.Hooks.Opened = func(c *engine.Conn) { kept <- c.NetConn() }
				}
			})
			gone := s.dial(t)
			require.Equal(t, "/a", must(t)(gone.get("/a")))
			from := gone.LocalAddr().String()
			gone.Close()
			eventually(t, "the end", func() bool { return s.Counters().Open == 0 })

			next := s.dial(t)
			require.Equal(t, "/b", must(t)(next.get("/b")))
			for n := len(kept) / 2; n > 0; n-- {
				c := <-kept
				if hooked || transport == "portable" {
					require.Equal(t, from, c.RemoteAddr().String())
					require.Equal(t, s.addr, c.LocalAddr().String())
				} else {
					require.NotEqual(t, next.LocalAddr().String(), c.RemoteAddr().String())
					require.Equal(t, ":0", c.LocalAddr().String())
				}
				require.ErrorIs(t, c.Close(), net.ErrClosed)
				require.Equal(t, "/c", must(t)(next.get("/c")))
			}
		}
	})
}
