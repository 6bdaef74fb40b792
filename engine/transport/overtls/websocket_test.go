package overtls_test

import (
	"crypto/tls"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// TestWebSockets: wss, messages of all sizes; a client that is slow to read, with more on the way than sockets hold; and
// the farewell of both layers.
func TestWebSockets(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		opened := make(chan *websocket.Conn, 1)
		endpoint := websocket.New(websocket.Options{
			OnOpen: func(c *websocket.Conn) {
				select {
				case opened <- c:
				default:
				}
			},
			OnMessage: func(c *websocket.Conn, m websocket.Message) { c.Send(m) },
		})
		s := serve(t, transport, func(x *engine.Exchange) {
			if err := endpoint.Upgrade(x, nil, nil); err != nil {
				t.Error(err)
			}
		})
		dialer := gorilla.Dialer{TLSClientConfig: s.config(version), WriteBufferSize: 100_000}
		dial := func() *gorilla.Conn {
			c, _, err := dialer.Dial("wss://"+s.addr+"/", nil)
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			c.SetReadDeadline(time.Now().Add(patience))
			return c
		}
		c := dial()
		mine := await(t, opened, "the connection")
		var sent [][]byte
		for _, size := range []int{0, 1, 125, 1000, 16 << 10, 16<<10 + 1, 100_000, 300_000} {
			b := make([]byte, size)
			for i := range b {
				b[i] = byte(rand.Uint32())
			}
			sent = append(sent, b)
		}
		var writing sync.WaitGroup
		writing.Go(func() {
			for _, b := range sent {
				if err := c.WriteMessage(gorilla.BinaryMessage, b); err != nil {
					t.Error(err)
				}
			}
		})
		for _, b := range sent {
			_, got, err := c.ReadMessage()
			require.NoError(t, err)
			require.True(t, string(b) == string(got), "%d bytes, sent %d", len(got), len(b))
		}
		writing.Wait()

		// 20 MB that nobody reads for a while, from a goroutine that has no turn.
		const times = 200
		writing.Go(func() {
			for i := range times {
				b := make([]byte, 100_000)
				b[0] = byte(i)
				if mine.Send(websocket.Message{Opcode: wsproto.Binary, Data: b}) != nil {
					t.Error("not taken")
				}
			}
		})
		time.Sleep(50 * time.Millisecond)
		for i := range times {
			_, got, err := c.ReadMessage()
			require.NoError(t, err)
			require.Len(t, got, 100_000)
			require.Equal(t, byte(i), got[0])
		}
		writing.Wait()

		c.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "bye"), time.Now().Add(patience))
		_, _, err := c.ReadMessage()
		require.True(t, gorilla.IsCloseError(err, 1000), "%v", err)
	})
}
