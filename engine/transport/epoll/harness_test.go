package epoll_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// patience bounds what would otherwise hang. Nothing is measured with it.
const patience = 20 * time.Second

// server is an nethttp.Server on one loop, until the end of the test.
type server struct {
	*nethttp.Server
	t    *testing.T
	addr string
	l    net.Listener
	err  chan error // what Serve says

	mu  sync.Mutex
	log strings.Builder
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// start serves hs, whose Transport and ErrorLog it sets. Loops is one, unless it is set. At the end the server is closed;
// handlers that never return must be released by then.
func start(t *testing.T, hs *nethttp.Server) *server {
	t.Helper()
	l, addr := listen(t)
	s := &server{Server: hs, t: t, addr: addr, l: l, err: make(chan error, 1)}
	hs.Transport = "epoll"
	hs.ErrorLog = log.New(s, "", 0)
	if hs.Loops == 0 {
		hs.Loops = 1
	}
	go func() { s.err <- hs.Serve(l) }()
	t.Cleanup(func() { hs.Close() })
	return s
}

// listen opens a listener, or skips the test where there is no epoll.
func listen(t *testing.T) (l net.Listener, addr string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("epoll is Linux's")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l, l.Addr().String()
}

func serve(t *testing.T, routes map[string]http.HandlerFunc) *server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/fast", fast)
	for pattern, h := range routes {
		mux.HandleFunc(pattern, h)
	}
	return start(t, &nethttp.Server{Handler: mux})
}

// fast answers with the query, so that every answer is another one.
func fast(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "fast %s", r.URL.RawQuery) }

// client is one raw connection.
type client struct {
	*net.TCPConn
	t *testing.T
	r *bufio.Reader
	n int
}

func (s *server) dial(t *testing.T) *client {
	t.Helper()
	return dial(t, s.addr)
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &client{TCPConn: c.(*net.TCPConn), t: t, r: bufio.NewReader(c)}
}

func reader(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" }

func (c *client) send(s string) {
	c.t.Helper()
	_, err := io.WriteString(c, s)
	require.NoError(c.t, err)
}

// answer reads a whole response and returns its body.
func (c *client) answer() string {
	c.t.Helper()
	body, err := c.tryAnswer()
	require.NoError(c.t, err)
	return body
}

func (c *client) tryAnswer() (string, error) {
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// served makes a number of requests to /fast.
func (c *client) served(requests int) {
	c.t.Helper()
	for range requests {
		c.n++
		c.send(get(fmt.Sprintf("/fast?%d", c.n)))
		require.Equal(c.t, fmt.Sprintf("fast %d", c.n), c.answer())
	}
}

// ends reads until the connection ends, in any way, and returns what came.
func (c *client) ends() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		require.Fail(c.t, "the connection stays open")
	}
	return string(b)
}

func await[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		t.Fatalf("waited in vain for %s\n%s", what, buf[:runtime.Stack(buf, true)])
	}
	return v
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			buf := make([]byte, 1<<20)
			t.Fatalf("waited in vain for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// onProcs runs f with one and with two Ps: with one, nobody can help a loop whose holder does not let go.
func onProcs(t *testing.T, f func(t *testing.T)) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("GOMAXPROCS=%d", n), func(t *testing.T) {
			old := runtime.GOMAXPROCS(n)
			t.Cleanup(func() { runtime.GOMAXPROCS(old) })
			f(t)
		})
	}
}

// baseline returns a check that the goroutines that have come since are gone.
func baseline(t *testing.T) (gone func()) {
	before := runtime.NumGoroutine()
	return func() {
		t.Helper()
		eventually(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	}
}
