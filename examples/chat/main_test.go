package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

// TestRoom: who comes is told who is there, all are told who comes, what is said, and who goes.
func TestRoom(t *testing.T) {
	addr, chat := start(t)
	ada := enter(t, addr, "tea", "ada")
	ada.want(`{"kind":"welcome","names":["ada"],"last":null}`)
	bob := enter(t, addr, "tea", "bob")
	bob.want(`{"kind":"welcome","names":["ada","bob"],"last":null}`)
	ada.want(`{"kind":"joined","name":"bob"}`)
	eve := enter(t, addr, "coffee", "ada") // another room
	eve.want(`{"kind":"welcome","names":["ada"],"last":null}`)

	bob.say("more tea?")
	eve.say("nobody here")
	for _, c := range []*client{ada, bob} {
		c.want(`{"kind":"said","name":"bob","text":"more tea?"}`)
	}
	eve.want(`{"kind":"said","name":"ada","text":"nobody here"}`)

	bob.leave()
	ada.want(`{"kind":"left","name":"bob"}`)
	ada.leave()
	eve.leave()
	require.Eventually(t, func() bool {
		chat.mu.Lock()
		defer chat.mu.Unlock()
		return len(chat.rooms) == 0 && len(chat.events.Counts()) == 0 && chat.endpoint.Counters().Open == 0
	}, patience, time.Millisecond, "nothing is left of those who have gone")
	again := enter(t, addr, "tea", "ada")
	again.want(`{"kind":"welcome","names":["ada"],"last":null}`)
}

// TestLate: who comes later gets the last messages and the subject.
func TestLate(t *testing.T) {
	addr, _ := start(t)
	ada := enter(t, addr, "tea", "ada")
	ada.want(`{"kind":"welcome","names":["ada"],"last":null}`)
	ada.say("/subject milk, before or after")
	ada.want(`{"kind":"subject","name":"ada","text":"milk, before or after"}`)
	for i := range lastMax + 3 {
		ada.say(fmt.Sprint(i))
		ada.want(fmt.Sprintf(`{"kind":"said","name":"ada","text":"%d"}`, i))
	}
	bob := enter(t, addr, "tea", "bob")
	var hello welcome
	require.NoError(t, json.Unmarshal([]byte(bob.next()), &hello))
	require.Len(t, hello.Last, lastMax)
	for i, e := range hello.Last {
		require.Equal(t, event{"said", "ada", fmt.Sprint(i + 3)}, e)
	}
	bob.want(`{"kind":"subject","name":"ada","text":"milk, before or after"}`)
}

// TestRefusals: what a program does wrong is refused in the handshake; what a user does, with a code that a page can read.
func TestRefusals(t *testing.T) {
	addr, _ := start(t)
	for _, path := range []string{"/ws/tea", "/ws/tea?name=+", "/ws/tea?name=" + strings.Repeat("x", nameMax+1), "/ws/tea?name=%ff",
		"/ws/" + strings.Repeat("x", nameMax+1) + "?name=ada"} {
		_, res, err := websocket.DefaultDialer.Dial("ws://"+addr+path, nil)
		require.Error(t, err)
		require.Equal(t, 400, res.StatusCode, path)
	}
	_, res, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws/tea?name=ada", http.Header{"Origin": {"http://elsewhere.example"}})
	require.Error(t, err)
	require.Equal(t, 403, res.StatusCode, "a foreign page")
	res, err = http.Get("http://" + addr + "/ws/tea?name=ada")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 426, res.StatusCode)

	ada := enter(t, addr, "tea", "ada")
	ada.want(`{"kind":"welcome","names":["ada"],"last":null}`)
	second := enter(t, addr, "tea", "ada")
	second.wantClose(int(nameTaken))
	came := func(name string) *client {
		c := enter(t, addr, "tea", name)
		c.next() // the welcome
		ada.want(`{"kind":"joined","name":"` + name + `"}`)
		return c
	}
	binary := came("bob")
	require.NoError(t, binary.WriteMessage(websocket.BinaryMessage, []byte{1}))
	binary.wantClose(websocket.CloseUnsupportedData)
	ada.want(`{"kind":"left","name":"bob"}`)
	long := came("carl")
	long.say(strings.Repeat("x", textMax+1))
	long.wantClose(websocket.CloseMessageTooBig)
	ada.want(`{"kind":"left","name":"carl"}`)
	ada.say("still here") // the one without the name has taken nothing with him
	ada.want(`{"kind":"said","name":"ada","text":"still here"}`)
}

// TestSlowReader: one who does not read is shown out, and the others hear everything.
func TestSlowReader(t *testing.T) {
	addr, chat := start(t)
	ada := enter(t, addr, "tea", "ada")
	ada.want(`{"kind":"welcome","names":["ada"],"last":null}`)
	enter(t, addr, "tea", "sloth") // reads nothing from here on
	ada.want(`{"kind":"joined","name":"sloth"}`)
	text := strings.Repeat("x", textMax)
	said := `{"kind":"said","name":"ada","text":"` + text + `"}`
	left := `{"kind":"left","name":"sloth"}`
	for shown := false; !shown; {
		ada.say(text)
		got := ada.next()
		if shown = got == left; !shown {
			require.Equal(t, said, got)
		}
	}
	require.NotZero(t, chat.endpoint.Counters().Dropped)
}

// TestCoder: another client, with compression, whom the server tells that it stops.
func TestCoder(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ended := make(chan error, 1)
	t.Run("session", func(t *testing.T) {
		addr, _ := start(t)
		c, res, err := coder.Dial(ctx, "ws://"+addr+"/ws/tea?name=cleo", &coder.DialOptions{CompressionMode: coder.CompressionNoContextTakeover})
		require.NoError(t, err)
		require.Contains(t, res.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
		_, _, err = c.Read(ctx)
		require.NoError(t, err)
		require.NoError(t, c.Write(ctx, coder.MessageText, []byte("hello")))
		_, got, err := c.Read(ctx)
		require.NoError(t, err)
		require.JSONEq(t, `{"kind":"said","name":"cleo","text":"hello"}`, string(got))
		go func() {
			_, _, err := c.Read(ctx)
			ended <- err
		}()
	})
	require.Equal(t, coder.StatusGoingAway, coder.CloseStatus(<-ended))
}

func TestPage(t *testing.T) {
	addr, _ := start(t)
	for path, want := range map[string]string{"/": "<title>Chat</title>", "/chat.js": "new WebSocket"} {
		res, err := http.Get("http://" + addr + path)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Contains(t, string(body), want)
	}
}

// start serves the program. The test's end shuts it down, which must succeed, whoever is connected.
func start(t *testing.T) (addr string, c *chat) {
	t.Helper()
	server, c := newServer("")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, server.Shutdown(ctx))
		require.ErrorIs(t, <-served, native.ErrServerClosed)
		require.Zero(t, c.endpoint.Counters().Open)
	})
	return l.Addr().String(), c
}

// client is a member of a room.
type client struct {
	t *testing.T
	*websocket.Conn
}

func enter(t *testing.T, addr, room, name string) *client {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws/"+room+"?name="+url.QueryEscape(name), nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() }) // runs before start's
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	return &client{t, c}
}

func (c *client) say(text string) {
	c.t.Helper()
	require.NoError(c.t, c.WriteMessage(websocket.TextMessage, []byte(text)))
}

func (c *client) next() string {
	c.t.Helper()
	_, got, err := c.ReadMessage()
	require.NoError(c.t, err)
	return string(got)
}

func (c *client) want(json string) {
	c.t.Helper()
	require.JSONEq(c.t, json, c.next())
}

func (c *client) wantClose(code int) {
	c.t.Helper()
	_, _, err := c.ReadMessage()
	require.True(c.t, websocket.IsCloseError(err, code), "%v", err)
}

func (c *client) leave() {
	c.t.Helper()
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	require.NoError(c.t, c.WriteMessage(websocket.CloseMessage, bye))
	c.wantClose(websocket.CloseNormalClosure)
}
