package servers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

func dialSocket(t *testing.T, url, path string) *websocket.Conn {
	c, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+path, nil)
	require.NoError(t, err)
	resp.Body.Close()
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	return c
}

func TestSocketEcho(t *testing.T) {
	for _, s := range benchtest.Speaking() {
		t.Run(s.Name, func(t *testing.T) {
			c := dialSocket(t, benchtest.Serving(t, s.Name), "/ws")
			for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
				for _, size := range []int{0, 1, 125, 126, 4096, 64 << 10} {
					if size == 0 && s.Name == "nbio" {
						continue // it tells its callback of no empty message
					}
					message := []byte(pattern.Of(size))
					require.NoError(t, c.WriteMessage(kind, message))
					got, back, err := c.ReadMessage()
					require.NoError(t, err, "%d bytes", size)
					require.Equal(t, kind, got)
					require.True(t, bytes.Equal(message, back), "%d bytes", size)
				}
			}
		})
	}
}

// publish posts a message until the answer is as many subscribers as wanted, because one may have its answer to the handshake
// before it is one.
func publish(t *testing.T, url, message string, want int) {
	require.Eventually(t, func() bool {
		resp, err := http.Post(url, "application/octet-stream", strings.NewReader(message))
		require.NoError(t, err)
		defer resp.Body.Close()
		n, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode)
		return string(n) == fmt.Sprint(want)
	}, 20*time.Second, time.Millisecond)
}

func TestTopics(t *testing.T) {
	for _, s := range benchtest.Speaking() {
		t.Run(s.Name, func(t *testing.T) {
			url := benchtest.Serving(t, s.Name)
			defer http.DefaultClient.CloseIdleConnections()
			publish(t, url+"/topic/none", "nobody hears this", 0)
			var tea []*websocket.Conn
			for range 10 {
				tea = append(tea, dialSocket(t, url, "/topic/tea"))
			}
			coffee := dialSocket(t, url, "/topic/coffee")
			publish(t, url+"/topic/tea", "early", len(tea))
			for i := range 20 {
				publish(t, url+"/topic/tea", fmt.Sprint("message ", i), len(tea))
			}
			publish(t, url+"/topic/coffee", "other", 1)
			for _, c := range tea {
				for i := 0; i < 20; {
					kind, message, err := c.ReadMessage()
					require.NoError(t, err)
					require.Equal(t, websocket.BinaryMessage, kind)
					if string(message) != "early" {
						require.Equal(t, fmt.Sprint("message ", i), string(message))
						i++
					}
				}
			}
			_, message, err := coffee.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, "other", string(message))

			tea[0].Close()
			require.Eventually(t, func() bool {
				resp, err := http.Post(url+"/topic/tea", "", strings.NewReader("x"))
				require.NoError(t, err)
				defer resp.Body.Close()
				n, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				return string(n) == fmt.Sprint(len(tea)-1)
			}, 20*time.Second, time.Millisecond)
		})
	}
}

// A server that is told to stop ends the connections that it has handed over.
func TestSocketsEnd(t *testing.T) {
	for _, s := range benchtest.Speaking() {
		t.Run(s.Name, func(t *testing.T) {
			srv, url := benchtest.Serve(t, s.Name, servers.Options{})
			c := dialSocket(t, url, "/ws")
			require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte("x")))
			_, _, err := c.ReadMessage()
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			go srv.Shutdown(ctx)
			_, _, err = c.ReadMessage()
			require.Error(t, err)
			require.NotContains(t, err.Error(), "timeout")
		})
	}
}
