package engine_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// TestKeptConn: who keeps a connection beyond its end never sees the one that has taken its place.
func TestKeptConn(t *testing.T) {
	for _, transport := range []string{"", "portable"} {
		for _, hooked := range []bool{false, true} {
			for _, hijack := range []bool{false, true} {
				var srv *engine.Server
				kept := make(chan *engine.Conn, 4)
				addr := serveLeaky(t, transport, func(x *engine.Exchange) {
					kept <- x.Conn()
					if hijack {
						nc, _, err := x.Hijack()
						require.NoError(t, err)
						io.WriteString(nc, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
						nc.Close()
						return
					}
					x.SetOut(append(x.Out(), "HTTP/1.1 204 No Content\r\n\r\n"...))
				}, func(s *engine.Server) { s.NetConns, srv = hooked, s })
				ask := func() net.Conn {
					c := askLeaky(t, addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
					res, err := http.ReadResponse(bufio.NewReader(c), nil)
					require.NoError(t, err)
					require.Equal(t, 204, res.StatusCode)
					return c
				}
				gone := ask()
				from := gone.LocalAddr().String()
				gone.Close()
				c := <-kept
				require.Eventually(t, func() bool { return srv.Counters().Open == 0 }, patience, time.Millisecond)

				next := ask()
				if hooked || hijack || transport == "portable" {
					require.Equal(t, from, c.RemoteAddr().String())
					require.Equal(t, from, c.RemoteAddrPort().String())
					c.NetConn().Close()
				} else {
					require.Equal(t, ":0", c.RemoteAddr().String())
					require.False(t, c.RemoteAddrPort().IsValid())
					require.Nil(t, c.NetConn())
				}
				require.Equal(t, c.RemoteAddr().String(), c.Remote())
				require.Nil(t, c.TLS())
				c.HangUp()
				if !hijack {
					_, err := io.WriteString(next, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
					require.NoError(t, err)
					_, err = http.ReadResponse(bufio.NewReader(next), nil)
					require.NoError(t, err)
				}
			}
		}
	}
}

// TestKeptConnAsked: what has been asked in time is right for ever.
func TestKeptConnAsked(t *testing.T) {
	for _, ask := range []func(c *engine.Conn){
		func(c *engine.Conn) { c.RemoteAddr() },
		func(c *engine.Conn) { c.RemoteAddrPort() },
		func(c *engine.Conn) { c.Remote() },
	} {
		kept := make(chan *engine.Conn, 4)
		addr := serveLeaky(t, "", func(x *engine.Exchange) {
			ask(x.Conn())
			kept <- x.Conn()
			x.SetOut(append(x.Out(), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"...))
			x.SetClose(false)
		})
		for range 2 {
			c := askLeaky(t, addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			_, err := io.ReadAll(c)
			require.NoError(t, err)
			gone := <-kept
			for _, got := range []string{gone.RemoteAddr().String(), gone.RemoteAddrPort().String(), gone.Remote()} {
				require.Equal(t, c.LocalAddr().String(), got)
			}
		}
	}
}
