package native

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUpgradeAndHijack(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, by(map[string]Handler{
			"/hijack": func(w *Response, r *Request) error {
				w.Set("X-Dropped", "1")
				conn, over, err := w.Hijack()
				if err != nil {
					return err
				}
				defer conn.Close()
				_, _, err = w.Hijack()
				require.Error(t, err)
				require.True(t, w.Started())
				_, err = w.WriteString("not sent")
				require.Error(t, err)
				require.Error(t, w.Flush())
				io.WriteString(conn, "raw "+string(over)+" ")
				if _, ok := conn.(*net.TCPConn); !ok {
					return errors.New("not a TCP connection")
				}
				b := make([]byte, 4)
				io.ReadFull(conn, b)
				conn.Write(b)
				return errors.New("dropped")
			},
			"/panic": func(w *Response, r *Request) error {
				conn, _, err := w.Hijack()
				require.NoError(t, err)
				defer conn.Close()
				panic("after Hijack")
			},
			"/upgrade": func(w *Response, r *Request) error {
				w.Set("Connection", "Upgrade")
				w.Set("Upgrade", "echo")
				return w.Empty(101)
			},
		}))
		c := a.dial().send(request("GET", "/hijack") + "over")
		b := make([]byte, len("raw over "))
		_, err := io.ReadFull(c.r, b)
		require.NoError(t, err)
		require.Equal(t, "raw over ", string(b))
		c.send("more")
		require.Equal(t, "more", c.ended())
		require.Zero(t, a.log.lines())

		require.Empty(t, a.dial().send(request("GET", "/panic")).ended())
		eventually(t, "the log", func() bool { return a.log.lines() == 1 })

		got := a.get("/upgrade", "Connection: upgrade", "Upgrade: echo")
		require.Equal(t, 101, got.StatusCode)
		require.Equal(t, "upgrade", got.get("Connection"))
		require.Equal(t, "echo", got.get("Upgrade"))

		// What the client of another protocol sends is not read as a request.
		c = a.dial().send(request("GET", "/upgrade") + request("GET", "/upgrade"))
		require.Equal(t, 1, strings.Count(c.ended(), "HTTP/1.1 101"))
		a.stop() // hijacked connections are not waited for
	})
}

// TestExpect: 100 (Continue) comes with the first read, and only before the response.
func TestExpect(t *testing.T) {
	const expect = "Expect: 100-continue"
	for _, timeout := range []time.Duration{0, -1} { // with and without a deadline for bodies
		onTransports(t, func(t *testing.T, transport string) {
			a := serve(t, transport, by(map[string]Handler{
				"/read":   echo,
				"/unread": says("unread"),
				"/twice": func(w *Response, r *Request) error {
					b := make([]byte, 2)
					for {
						n, err := r.BodyReader().Read(b)
						w.Write(b[:n])
						if err == io.EOF {
							return nil
						}
						if err != nil {
							return err
						}
					}
				},
				"/late": func(w *Response, r *Request) error {
					w.WriteString("begun ")
					w.Flush()
					body, err := r.Body()
					w.Write(body)
					return err
				},
				"/too/large": func(w *Response, r *Request) error { r.SetBodyBytesMax(1); return echo(w, r) },
			}), func(s *Server) { s.BodyTimeout = timeout })
			head := func(path string) string { return request("POST", path, expect, "Content-Length: 4") }
			for _, path := range []string{"/read", "/twice"} {
				c := a.dial().send(head(path))
				require.Equal(t, 100, c.next("POST").StatusCode)
				c.send("bo")
				time.Sleep(2 * time.Millisecond)
				c.send("dy")
				require.Equal(t, "body", c.next("POST").body)
				c.alive()
				// With the body at hand nobody waits.
				require.Equal(t, "body", c.send(head(path)+"body").next("POST").body)
				c.alive()
			}
			// Not read: whether the body comes is unknown, so the connection ends.
			c := a.dial().send(head("/unread"))
			got := c.next("POST")
			require.Equal(t, "unread", got.body)
			require.True(t, got.Close)
			require.Empty(t, c.send("body").ended())
			// Begun: 100 would stand in the body.
			c = a.dial().send(head("/late"))
			resp, err := http.ReadResponse(c.r, nil)
			require.NoError(t, err)
			require.True(t, resp.Close)
			c.send("body")
			b, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, "begun body", string(b))
			// Refused without asking for it.
			got = a.dial().send(head("/too/large")).next("POST")
			require.Equal(t, 413, got.StatusCode)
			require.True(t, got.Close)
			// An expectation that nobody knows: a client that has waited does not send the body, and its next request is none.
			for _, other := range []string{"Expect: magic", "Expect: 100-continue, magic"} {
				c = a.dial().send(request("POST", "/read", other, "Content-Length: 4"))
				got = c.next("POST")
				require.Equal(t, 417, got.StatusCode)
				require.True(t, got.Close)
				require.Empty(t, c.ended())
			}
		})
	}
}
