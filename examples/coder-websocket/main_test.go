package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

func TestEcho(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		for _, mode := range []websocket.CompressionMode{
			websocket.CompressionDisabled, websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover,
		} {
			c, res, err := websocket.Dial(ctx, "ws://"+addr+"/", &websocket.DialOptions{
				Subprotocols: []string{"other", "echo"}, CompressionMode: mode,
			})
			require.NoError(t, err)
			require.Equal(t, "echo", c.Subprotocol())
			require.Equal(t, mode != websocket.CompressionDisabled,
				strings.Contains(res.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate"))
			c.SetReadLimit(8 << 20)

			for _, m := range []struct {
				kind websocket.MessageType
				data []byte
			}{
				{websocket.MessageText, []byte("grüß dich")},
				{websocket.MessageText, []byte{}},
				{websocket.MessageBinary, []byte{0, 1, 2, 0xFF}},
				{websocket.MessageBinary, bytes.Repeat([]byte("more than any buffer "), 1<<16)},
			} {
				wrote := make(chan error, 1)
				go func() { wrote <- c.Write(ctx, m.kind, m.data) }()
				kind, data, err := c.Read(ctx)
				require.NoError(t, err)
				require.NoError(t, <-wrote)
				require.Equal(t, m.kind, kind)
				require.True(t, bytes.Equal(m.data, data), "not what was sent")
			}
			require.NoError(t, c.Close(websocket.StatusNormalClosure, "bye"))
		}
	})
}

// TestTogether: the first frame comes in the same segment as the handshake, so that the server has read it before the
// connection is taken over.
func TestTogether(t *testing.T) {
	const handshake = "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		_, err = c.Write([]byte(handshake + "\x81\x85\x00\x00\x00\x00hello")) // masked with zeros
		require.NoError(t, err)

		in := bufio.NewReader(c)
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
		require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", res.Header.Get("Sec-Websocket-Accept")) // RFC 6455, section 1.3
		frame := make([]byte, len("\x81\x05hello"))
		_, err = io.ReadFull(in, frame)
		require.NoError(t, err)
		require.Equal(t, "\x81\x05hello", string(frame))
	})
}

func TestNoUpgrade(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		res, err := http.Get("http://" + addr + "/")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusUpgradeRequired, res.StatusCode)
	})
}
