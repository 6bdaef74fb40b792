package websocket_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

var transports = []string{"epoll", "portable"}

// serve serves an endpoint at /ws/{name}, whose value the name is, and returns where.
func serve(t testing.TB, transport string, e *peregrine.Endpoint) (url string, s *native.Server) {
	rt := native.NewRouter()
	rt.Handle("GET /ws/{name}", func(w *native.Response, r *native.Request) error {
		return w.WebSocket(e, string(r.Param("name")))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s = &native.Server{Router: rt, Transport: transport}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		require.ErrorIs(t, <-done, native.ErrServerClosed)
	})
	return "ws://" + l.Addr().String() + "/ws/", s
}

func dial(t testing.TB, url string) *websocket.Conn {
	c, _, err := websocket.DefaultDialer.Dial(url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	return c
}

// await takes what must come.
func await[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		require.FailNow(t, "has not come: "+what)
		panic("unreachable")
	}
}

func echo(c *peregrine.Conn, m peregrine.Message) { c.Send(m) }

// styles are the two ways to write an echo.
func styles() map[string]peregrine.Options {
	return map[string]peregrine.Options{
		"callbacks": {OnMessage: echo},
		"blocking": {Serve: func(c *peregrine.Conn) {
			for m, err := range c.Messages() {
				if err != nil {
					return
				}
				c.Send(m)
			}
		}},
	}
}

func TestEcho(t *testing.T) {
	for _, transport := range transports {
		for style, o := range styles() {
			t.Run(transport+" "+style, func(t *testing.T) {
				closed := make(chan string, 1)
				o.OnClose = func(c *peregrine.Conn, code wsproto.CloseCode, reason string) {
					closed <- fmt.Sprintf("%v %d %s", c.Value(), code, reason)
				}
				url, _ := serve(t, transport, peregrine.New(o))
				c := dial(t, url+"room")
				for _, size := range []int{0, 1, 125, 126, 4096, 65535, 65536, 300_000} {
					for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
						sent := []byte(strings.Repeat("x", size))
						require.NoError(t, c.WriteMessage(kind, sent))
						gotKind, got, err := c.ReadMessage()
						require.NoError(t, err)
						require.Equal(t, kind, gotKind)
						require.Equal(t, string(sent), string(got))
					}
				}
				require.NoError(t, c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4001, "bye")))
				_, _, err := c.ReadMessage()
				require.True(t, websocket.IsCloseError(err, 4001), err)
				require.Equal(t, "room 4001 bye", await(t, closed, "OnClose"))
			})
		}
	}
}
