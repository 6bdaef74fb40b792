package proxy_test

import (
	"bufio"
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/listen/proxy"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// A WebSocket has the loop's connection without the session that has read the header, and the header's address.
func TestWebSocket(t *testing.T) {
	for _, transport := range []string{"", "portable"} {
		closed := make(chan struct{})
		endpoint := websocket.New(websocket.Options{
			OnMessage: func(c *websocket.Conn, m websocket.Message) {
				m.Data = append([]byte(c.RemoteAddr().String()+" "), m.Data...)
				c.Send(m)
			},
			OnClose: func(*websocket.Conn, wsproto.CloseCode, string) { close(closed) },
		})
		rt := native.NewRouter()
		rt.Handle("GET /", func(w *native.Response, r *native.Request) error { return w.WebSocket(endpoint, nil) })
		l := serve(t, &native.Server{Router: rt, Transport: transport}, "127.0.0.1:0", proxy.Config{Trusted: loopback})
		c := dial(t, l)
		io.WriteString(c, header+"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		r := bufio.NewReader(c)
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, "101")
		for line != "\r\n" {
			line, err = r.ReadString('\n')
			require.NoError(t, err)
		}
		io.WriteString(c, "\x81\x82\x00\x00\x00\x00hi") // masked with zeros
		frame := make([]byte, 2+len("1.2.3.4:1234 hi"))
		_, err = io.ReadFull(r, frame)
		require.NoError(t, err)
		require.Equal(t, "\x81\x0f1.2.3.4:1234 hi", string(frame))
		c.Close()
		<-closed
	}
}

// Many who connect and send a part of a header delay nobody, and a server that stops waits for them no longer than their time.
func TestStalledHeaders(t *testing.T) {
	for name, s := range servers() {
		t.Run(name, func(t *testing.T) {
			l := serve(t, s, "127.0.0.1:0", proxy.Config{Trusted: loopback, Timeout: time.Second})
			for i := range 200 {
				io.WriteString(dial(t, l), header[:i%len(header)])
			}
			c := dial(t, l)
			io.WriteString(c, header+request)
			require.Equal(t, client, answer(t, bufio.NewReader(c)))
			c.Close()
			stopping, ok := s.(interface{ Shutdown(context.Context) error })
			require.True(t, ok)
			ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
			defer cancel()
			require.NoError(t, stopping.Shutdown(ctx))
		})
	}
}
