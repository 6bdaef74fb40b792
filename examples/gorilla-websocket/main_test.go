package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

func TestEcho(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		for _, compressed := range []bool{false, true} {
			dialer := websocket.Dialer{EnableCompression: compressed, Subprotocols: []string{"other", "echo"}}
			c, res, err := dialer.Dial("ws://"+addr+"/", nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
			require.Equal(t, "echo", c.Subprotocol())
			require.Equal(t, compressed, strings.Contains(res.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate"))

			for _, m := range []struct {
				kind int
				data []byte
			}{
				{websocket.TextMessage, []byte("grüß dich")},
				{websocket.TextMessage, []byte{}},
				{websocket.BinaryMessage, []byte{0, 1, 2, 0xFF}},
				{websocket.BinaryMessage, bytes.Repeat([]byte("more than any buffer "), 1<<16)},
			} {
				wrote := make(chan error, 1)
				go func() { wrote <- c.WriteMessage(m.kind, m.data) }()
				kind, data, err := c.ReadMessage()
				require.NoError(t, err)
				require.NoError(t, <-wrote)
				require.Equal(t, m.kind, kind)
				require.True(t, bytes.Equal(m.data, data), "not what was sent")
			}
			bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "bye")
			require.NoError(t, c.WriteControl(websocket.CloseMessage, bye, time.Now().Add(10*time.Second)))
			_, _, err = c.ReadMessage()
			require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "%v", err)
			require.NoError(t, c.Close())
		}
	})
}

// TestMany: each client gets its own messages back, in order.
func TestMany(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		var clients sync.WaitGroup
		for i := range 50 {
			clients.Go(func() {
				c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/", nil)
				if !assert.NoError(t, err) {
					return
				}
				defer c.Close()
				messages := []string{fmt.Sprint(i, " one"), fmt.Sprint(i, " two"), fmt.Sprint(i, " three")}
				for _, want := range messages {
					assert.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(want)))
				}
				for _, want := range messages {
					_, got, err := c.ReadMessage()
					assert.NoError(t, err)
					assert.Equal(t, want, string(got))
				}
			})
		}
		clients.Wait()
	})
}

func TestNoUpgrade(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		res, err := http.Get("http://" + addr + "/")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusBadRequest, res.StatusCode)
	})
}
