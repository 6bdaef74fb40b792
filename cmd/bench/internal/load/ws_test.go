package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

func listen(t *testing.T, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// wsURL is the URL of a WebSocket.
func wsURL(url, path string) string { return "ws" + strings.TrimPrefix(url, "http") + path }

func TestLoadSocketEcho(t *testing.T) {
	for i, s := range benchtest.Speaking() {
		for k, flags := range []string{"-size 64", "-size 5000 -text -pipeline 4", "-size 70000 -portable", "-rate 1000"} {
			if s.Name != "native" && k != i%4 {
				continue // ours in every way, the others in one each
			}
			t.Run(s.Name+" "+flags, func(t *testing.T) {
				args := append(strings.Fields("load -json -d 100ms -warmup 20ms -c 8 "+flags), wsURL(benchtest.Serving(t, s.Name), "/ws"))
				code, out, errs := runBench(t.Context(), args...)
				wentWell(t, code, errs)
				var rep report
				require.NoError(t, json.Unmarshal([]byte(out), &rep))
				require.Positive(t, rep.Requests)
				require.Zero(t, rep.Failed)
				require.NotNil(t, rep.Socket)
			})
		}
	}
}

func TestLoadSubscribers(t *testing.T) {
	for i, s := range benchtest.Speaking() {
		for k, flags := range []string{"-size 1024", "-size 16 -pipeline 3", "-size 20000 -publish 100", "-portable"} {
			if s.Name != "native" && k != i%4 {
				continue
			}
			t.Run(s.Name+" "+flags, func(t *testing.T) {
				args := append(strings.Fields("load -json -d 100ms -warmup 20ms -subscribe 20 "+flags), wsURL(benchtest.Serving(t, s.Name), "/topic/x"))
				code, out, errs := runBench(t.Context(), args...)
				require.Equal(t, 0, code, errs)
				var rep report
				require.NoError(t, json.Unmarshal([]byte(out), &rep))
				require.Positive(t, rep.Requests)
				require.Equal(t, 20, rep.Socket.Subscribers)
				require.Positive(t, rep.Socket.Published)
			})
		}
	}
}

// What a server does wrong with WebSockets is found out and said.
func TestLoadSocketWrong(t *testing.T) {
	var upgrader websocket.Upgrader
	var subscriber atomic.Pointer[websocket.Conn]
	var posts atomic.Int64
	echo := func(wrong func(c *websocket.Conn, n int, message []byte) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer c.Close()
			subscriber.Store(c)
			posts.Store(0)
			for n := 0; ; n++ {
				_, message, err := c.ReadMessage()
				if err != nil || wrong(c, n, message) != nil {
					return
				}
			}
		}
	}
	answer := func(c *websocket.Conn, message []byte) error { return c.WriteMessage(websocket.BinaryMessage, message) }
	mux := http.NewServeMux()
	mux.HandleFunc("GET /changed", echo(func(c *websocket.Conn, n int, message []byte) error {
		if n > 3 {
			message[len(message)-1]++
		}
		return answer(c, message)
	}))
	mux.HandleFunc("GET /text", echo(func(c *websocket.Conn, _ int, message []byte) error {
		return c.WriteMessage(websocket.TextMessage, message)
	}))
	mux.HandleFunc("GET /twice", echo(func(c *websocket.Conn, n int, message []byte) error {
		answer(c, message)
		if n == 3 {
			answer(c, message)
		}
		return nil
	}))
	mux.HandleFunc("GET /close", echo(func(c *websocket.Conn, n int, message []byte) error {
		if n == 3 {
			return c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1013, "later"))
		}
		return answer(c, message)
	}))
	mux.HandleFunc("GET /topic/{name}", echo(func(c *websocket.Conn, _ int, m []byte) error { return answer(c, m) }))
	post := func(per func(n int64, message []byte) [][]byte, count int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			message, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			n := posts.Add(1)
			for _, m := range per(n, message) {
				answer(subscriber.Load(), m)
			}
			fmt.Fprint(w, count)
		}
	}
	mux.HandleFunc("POST /topic/lost", post(func(n int64, m []byte) [][]byte {
		if n == 5 {
			return nil
		}
		return [][]byte{m}
	}, 1))
	mux.HandleFunc("POST /topic/twice", post(func(n int64, m []byte) [][]byte {
		if n == 5 {
			return [][]byte{m, m}
		}
		return [][]byte{m}
	}, 1))
	mux.HandleFunc("POST /topic/changed", post(func(n int64, m []byte) [][]byte {
		if n == 5 {
			m[20]++
		}
		return [][]byte{m}
	}, 1))
	mux.HandleFunc("POST /topic/few", post(func(int64, []byte) [][]byte { return nil }, 0))
	url := listen(t, mux)

	for _, c := range []struct{ flags, path, says string }{
		{"", "/changed", "came back as"},
		{"", "/text", "opcode 2 as 1"},
		{"", "/twice", "message that answers none"},
		{"", "/close", `code 1013 "later"`},
		{"", "/missing", "status 404 instead of 101"},
		{"-subscribe 1 -publish 200", "/topic/lost", "came after"},
		{"-subscribe 1 -publish 200", "/topic/twice", "came after"},
		{"-subscribe 1 -publish 200", "/topic/changed", "bytes"},
		{"-subscribe 1", "/topic/few", "counts 0 subscribers instead of 1"},
		{"-subscribe 1", "/changed", "405"},
	} {
		t.Run(strings.TrimSpace(c.flags+" "+c.path), func(t *testing.T) {
			args := "load -d 700ms -warmup 0s -timeout 700ms " // the fifth at 25 ms, unless the machine stands still
			if c.flags == "" {
				args += "-d 400ms -c 2 "
			}
			code, out, errs := runBench(t.Context(), append(strings.Fields(args+c.flags), wsURL(url, c.path))...)
			require.Equal(t, 1, code, out)
			require.Contains(t, errs+out, c.says)
		})
	}
	for _, args := range []string{"-size -1 ws://h/", "-subscribe 1 -size 15 ws://h/", "-publish 3 ws://h/", "-subscribe 3 -c 3 ws://h/",
		"-close ws://h/", "-body x ws://h/", "-size 3 http://h/", "-subscribe 1 http://h/", "-rate 3 -subscribe 1 ws://h/"} {
		code, _, errs := runBench(t.Context(), append([]string{"load"}, strings.Fields(args)...)...)
		require.Equal(t, 2, code, fmt.Sprint(args, errs))
	}
}

// A subscriber answers Pings, or its server would cut it.
func TestSubscriberAnswersPings(t *testing.T) {
	for _, portable := range []bool{false, true} {
		var upgrader websocket.Upgrader
		pongs := make(chan string, 1)
		var subscriber atomic.Pointer[websocket.Conn]
		url := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" { // before it could come together with the answer to the handshake
				if c := subscriber.Load(); c != nil {
					c.WriteControl(websocket.PingMessage, []byte("there?"), time.Now().Add(time.Second))
				}
				w.Write([]byte("0"))
				return
			}
			c, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer c.Close()
			c.SetPongHandler(func(text string) error {
				select {
				case pongs <- text:
				default:
				}
				return nil
			})
			subscriber.Store(c)
			c.ReadMessage()
		}))
		r, err := NewSocketRequest(wsURL(url, "/"), topicHead, false)
		require.NoError(t, err)
		g := NewGroup("", 1, 1, r)
		r.socket.topic = newTopic(0, 1, topicHead)
		r.socket.topic.reset(1)
		l := Run{Addr: r.Addr, Groups: []*Group{g}, Duration: 20 * time.Second, Timeout: 20 * time.Second, Loops: 1, portable: portable}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); l.Do(ctx) }()
		require.Equal(t, "there?", <-pongs)
		cancel()
		<-over
	}
}

// A server that goes away is said to have gone, and an interrupt prints what was measured until then.
func TestLoadSocketEndsEarly(t *testing.T) {
	for _, flags := range []string{"-c 3 /ws", "-subscribe 3 /topic/x", "-portable -c 3 /ws", "-portable -subscribe 3 /topic/x"} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel() // it waits
			args := strings.Fields("load -d 1h -warmup 0s -timeout 5s " + flags)
			start := func(then func(*httptest.Server)) func(context.Context) (int, string, string) {
				standard, err := servers.New("net/http", "", servers.Options{})
				require.NoError(t, err)
				handler := standard.(*http.Server).Handler
				var s *httptest.Server
				var opened atomic.Int64
				s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == "GET" && opened.Add(1) == 4 { // the probe's, and all
						time.AfterFunc(600*time.Millisecond, func() { then(s) }) // more than a machine stands still
					}
					handler.ServeHTTP(w, r)
				}))
				s.Config.RegisterOnShutdown(func() { standard.Shutdown(context.Background()) }) // which ends what was hijacked
				s.Start()
				t.Cleanup(s.Close)
				args := append(args[:len(args)-1:len(args)-1], wsURL(s.URL, args[len(args)-1]))
				return func(ctx context.Context) (int, string, string) { return runBench(ctx, args...) }
			}

			load := start(func(s *httptest.Server) {
				s.Listener.Close()
				s.Config.Shutdown(t.Context())
				s.CloseClientConnections()
			})
			code, out, errs := load(t.Context())
			require.Equal(t, 1, code, out)
			require.Regexp(t, "went away|did not come|publish", errs)
			require.Contains(t, out, "all checked")

			ctx, cancel := context.WithCancel(t.Context())
			load = start(func(*httptest.Server) { cancel() })
			code, out, errs = load(ctx)
			require.Equal(t, 130, code, "%s%s", out, errs)
			require.Contains(t, out, "all checked")
			require.Contains(t, out, "failed      none")
		})
	}
}
