//go:build linux || darwin

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t, "-processes", "2", "-loops", "1") }

// TestRoom: whoever is in the room hears what comes to any of the workers, once.
func TestRoom(t *testing.T) {
	addr := twin.Start(t, "-processes", "3", "-loops", "1")
	var members []*websocket.Conn
	for range 12 {
		c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/room", nil)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		c.SetReadDeadline(time.Now().Add(time.Minute))
		members = append(members, c)
	}
	for i := range 12 {
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := c.Post("http://"+addr+"/room", "text/plain", strings.NewReader(fmt.Sprint("message ", i)))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 204, resp.StatusCode)
		for _, m := range members {
			_, text, err := m.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("message ", i), string(text))
		}
	}
}
