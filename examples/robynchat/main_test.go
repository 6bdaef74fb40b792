package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

// TestChat: the welcome, a message to all, the receipt to one, and the goodbye.
func TestChat(t *testing.T) {
	addr, everyone := start(t)
	ada, bob := enter(t, addr, "ada"), enter(t, addr, "bob")
	want(t, ada, "Welcome, ada!")
	want(t, bob, "Welcome, bob!")
	require.Eventually(t, func() bool { return everyone.Count("chat") == 2 }, patience, time.Millisecond)

	say(t, ada, "hello")
	want(t, bob, "ada: hello")
	wantBoth(t, ada, "ada: hello", "Your message was sent")

	say(t, bob, "quit")
	_, _, err := bob.ReadMessage()
	closed, ok := err.(*websocket.CloseError)
	require.True(t, ok, "%v", err)
	require.Equal(t, websocket.CloseError{Code: websocket.CloseNormalClosure, Text: "Goodbye!"}, *closed)
	want(t, ada, "bob has left")
	require.Equal(t, 1, everyone.Count("chat"))
}

// TestWhereRobynDiffers: any text is a message, fragments are, and who has gone is forgotten, however he went.
func TestWhereRobynDiffers(t *testing.T) {
	addr, everyone := start(t)
	ada, bob := enter(t, addr, "ada"), enter(t, addr, "bob")
	want(t, ada, "Welcome, ada!")
	want(t, bob, "Welcome, bob!")
	require.Eventually(t, func() bool { return everyone.Count("chat") == 2 }, patience, time.Millisecond)

	say(t, ada, "Connection closed")
	wantBoth(t, ada, "ada: Connection closed", "Your message was sent")
	want(t, bob, "ada: Connection closed")

	long := strings.Repeat("in many frames ", 5000)
	w, err := ada.NextWriter(websocket.TextMessage)
	require.NoError(t, err)
	for part := range strings.SplitSeq(long, "f") {
		_, err := w.Write([]byte(part))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	want(t, bob, "ada: "+strings.ReplaceAll(long, "f", ""))

	require.NoError(t, ada.NetConn().Close()) // no Close
	want(t, bob, "ada has left")
	require.Equal(t, 1, everyone.Count("chat"))

	for _, query := range []string{"", "?name=", "?name=%ff"} {
		_, res, err := websocket.DefaultDialer.Dial("ws://"+addr+"/chat"+query, nil)
		require.Error(t, err)
		require.Equal(t, http.StatusBadRequest, res.StatusCode, query)
	}
}

// start serves the program. The test's end shuts it down, which must succeed, whoever is connected.
func start(t *testing.T) (addr string, everyone *peregrine.Topics) {
	t.Helper()
	server, everyone := newServer("")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, server.Shutdown(ctx))
		require.ErrorIs(t, <-served, native.ErrServerClosed)
		require.Empty(t, everyone.Counts())
	})
	return l.Addr().String(), everyone
}

func enter(t *testing.T, addr, name string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/chat?name="+name, nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	return c
}

func say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(text)))
}

func want(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	_, got, err := c.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

// wantBoth is for messages of which one is published and one is sent: either may be first.
func wantBoth(t *testing.T, c *websocket.Conn, texts ...string) {
	t.Helper()
	var got []string
	for range texts {
		_, m, err := c.ReadMessage()
		require.NoError(t, err)
		got = append(got, string(m))
	}
	require.ElementsMatch(t, texts, got)
}
