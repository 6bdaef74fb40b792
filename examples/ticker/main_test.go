package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

// TestWatch: a watcher gets the last price, then the new ones of what it has subscribed to, until it unsubscribes.
func TestWatch(t *testing.T) {
	addr, m := start(t)
	require.JSONEq(t, `{"watchers":0}`, post(t, addr, "S001", "1.5", 200))
	c := watch(t, addr)
	c.send(`{"subscribe":["S001","S002","S001"]}`)
	c.want(`{"symbol":"S001","price":1.5}`)
	c.want(`{"symbol":"S002","price":100}`)

	require.JSONEq(t, `{"watchers":0}`, post(t, addr, "S003", "3", 200))
	require.JSONEq(t, `{"watchers":1}`, post(t, addr, "S002", "2.25\n", 200))
	c.want(`{"symbol":"S002","price":2.25}`)
	require.JSONEq(t, `{"symbol":"S002","price":2.25}`, get(t, addr, "S002", 200))

	c.send(`{"unsubscribe":["S002"],"subscribe":["none"]}`)
	c.want(`{"error":"no such symbol"}`)
	require.JSONEq(t, `{"watchers":0}`, post(t, addr, "S002", "9", 200))
	require.JSONEq(t, `{"watchers":1}`, post(t, addr, "S001", "4", 200))
	c.want(`{"symbol":"S001","price":4}`)
	c.send(`S001`)
	c.want(`{"error":"want {\"subscribe\":[…],\"unsubscribe\":[…]}"}`)

	require.NoError(t, c.Close())
	require.Eventually(t, func() bool { return len(m.topics.Counts()) == 0 }, patience, time.Millisecond)
}

// TestAll: one watcher of 1,000 topics gets each price once.
func TestAll(t *testing.T) {
	addr, m := start(t)
	c := watch(t, addr)
	c.send(`{"subscribe":["*"]}`)
	for range 3 { // what was kept, and two rounds
		got := map[string]float64{}
		for range symbolCount {
			p := c.price()
			got[p.Symbol] = p.Price
		}
		require.Len(t, got, symbolCount)
		require.Len(t, m.topics.Counts(), symbolCount)
		for symbol, p := range got {
			var want price
			require.NoError(t, json.Unmarshal([]byte(get(t, addr, symbol, 200)), &want))
			require.Equal(t, want.Price, p)
		}
		m.move()
	}
}

// TestTimer: many watchers of different symbols, each of whom hears of his own only.
func TestTimer(t *testing.T) {
	addr, m := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	timer := make(chan struct{})
	go func() {
		defer close(timer)
		m.run(ctx, time.Millisecond)
	}()
	const watchers = 30
	ended := make(chan bool, watchers)
	for i := range watchers {
		go func() {
			defer func() { ended <- true }()
			c, _, err := coder.Dial(ctx, "ws://"+addr+"/ws", nil)
			if !assert.NoError(t, err) {
				return
			}
			defer c.CloseNow()
			mine := []string{fmt.Sprintf("S%03d", 10*i), fmt.Sprintf("S%03d", 10*i+1)}
			orders, _ := json.Marshal(order{Subscribe: mine})
			assert.NoError(t, c.Write(ctx, coder.MessageText, orders))
			for range 20 {
				_, data, err := c.Read(ctx)
				if !assert.NoError(t, err) {
					return
				}
				var p price
				assert.NoError(t, json.Unmarshal(data, &p))
				assert.Contains(t, mine, p.Symbol)
			}
		}()
	}
	for range watchers {
		<-ended
	}
	cancel()
	<-timer
}

// TestLate: who does not read loses old prices, and gets the last one.
func TestLate(t *testing.T) {
	addr, m := start(t)
	c := watch(t, addr)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(3*patience))) // megabytes come before the last price
	c.send(`{"subscribe":["*"]}`)
	for m.endpoint.Counters().Dropped == 0 {
		m.move()
	}
	post(t, addr, "S500", "123456.78", 200)
	for c.price() != (price{"S500", 123456.78}) {
	}
}

func TestRefusals(t *testing.T) {
	addr, _ := start(t)
	get(t, addr, "none", 404)
	post(t, addr, "none", "1", 404)
	for _, body := range []string{"", "x", "-1", "0", "NaN", "Inf", "1e7", strings.Repeat("1", 65)} {
		post(t, addr, "S001", body, 400)
	}
	res, err := http.Get("http://" + addr + "/ws")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusUpgradeRequired, res.StatusCode)
	require.Equal(t, "13", res.Header.Get("Sec-WebSocket-Version"))
	_, res, err = websocket.DefaultDialer.Dial("ws://"+addr+"/ws", http.Header{"Origin": {"http://elsewhere.example"}})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, res.StatusCode)
}

// start serves the program without its timer. The test's end shuts it down, which must succeed, whoever is connected.
func start(t *testing.T) (addr string, m *market) {
	t.Helper()
	server, m := newServer("")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, server.Shutdown(ctx))
		require.ErrorIs(t, <-served, http.ErrServerClosed)
		require.Empty(t, m.topics.Counts())
	})
	return l.Addr().String(), m
}

type watcher struct {
	t *testing.T
	*websocket.Conn
}

func watch(t *testing.T, addr string) *watcher {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws", nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	return &watcher{t, c}
}

func (c *watcher) send(order string) {
	c.t.Helper()
	require.NoError(c.t, c.WriteMessage(websocket.TextMessage, []byte(order)))
}

func (c *watcher) want(json string) {
	c.t.Helper()
	_, got, err := c.ReadMessage()
	require.NoError(c.t, err)
	require.JSONEq(c.t, json, string(got))
}

func (c *watcher) price() (p price) {
	c.t.Helper()
	require.NoError(c.t, c.ReadJSON(&p))
	return p
}

func post(t *testing.T, addr, symbol, body string, status int) string {
	t.Helper()
	res, err := http.Post("http://"+addr+"/prices/"+symbol, "text/plain", strings.NewReader(body))
	return answer(t, res, err, status)
}

func get(t *testing.T, addr, symbol string, status int) string {
	t.Helper()
	res, err := http.Get("http://" + addr + "/prices/" + symbol)
	return answer(t, res, err, status)
}

func answer(t *testing.T, res *http.Response, err error, status int) string {
	t.Helper()
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, status, res.StatusCode, string(body))
	return string(body)
}
