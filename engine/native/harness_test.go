package native

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a thing that must happen may take on a busy machine.
const patience = 20 * time.Second

// onTransports runs f on every transport that the system has.
func onTransports(t *testing.T, f func(t *testing.T, transport string)) {
	for _, transport := range []string{"epoll", "portable"} {
		if transport == "epoll" && runtime.GOOS != "linux" {
			continue
		}
		t.Run(transport, func(t *testing.T) { f(t, transport) })
	}
}

// app is a running server.
type app struct {
	*Server
	t    testing.TB
	addr string
	err  chan error // what Serve says
	log  journal
}

// journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// lines returns how many lines have been logged.
func (j *journal) lines() int { return strings.Count(j.String(), "\n") }

// serve runs a server until the end of the test.
func serve(t testing.TB, transport string, rt *Router, changes ...func(*Server)) *app {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	a := &app{t: t, addr: l.Addr().String(), err: make(chan error, 1)}
	a.Server = &Server{Router: rt, Transport: transport, Logger: slog.New(slog.NewTextHandler(&a.log, nil))}
	for _, change := range changes {
		change(a.Server)
	}
	go func() { a.err <- a.Serve(l) }()
	t.Cleanup(func() {
		a.Close()
		require.ErrorIs(t, await(t, a.err, "Serve to return"), ErrServerClosed)
	})
	return a
}

// await waits for c to be closed or to give something.
func await[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		t.Fatalf("waited in vain for %s\n%s", what, stacks[:runtime.Stack(stacks, true)])
	}
	return v
}

// eventually waits for cond.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// wire is a raw connection to an app.
type wire struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

func (a *app) dial() *wire {
	a.t.Helper()
	c, err := net.Dial("tcp", a.addr)
	require.NoError(a.t, err)
	a.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &wire{c.(*net.TCPConn), a.t, bufio.NewReader(c)}
}

func (w *wire) send(s string) *wire {
	w.t.Helper()
	_, err := io.WriteString(w.TCPConn, s)
	require.NoError(w.t, err)
	return w
}

// reply is a response as it came.
type reply struct {
	*http.Response
	body string
}

// get returns a field's value.
func (r reply) get(name string) string { return strings.Join(r.Header.Values(name), "|") }

// next reads one response to a request with the given method, whole.
func (w *wire) next(method string) reply {
	w.t.Helper()
	resp, err := http.ReadResponse(w.r, &http.Request{Method: method})
	require.NoError(w.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return reply{resp, string(body)}
}

// ended requires that the connection ends, in whatever way, and returns what came before.
func (w *wire) ended() string {
	w.t.Helper()
	b, err := io.ReadAll(w.r)
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		w.t.Fatalf("the connection stays open, after %q", b)
	}
	return string(b)
}

// alive requires that the connection serves another request.
func (w *wire) alive() {
	w.t.Helper()
	w.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
	require.Equal(w.t, 204, w.next("OPTIONS").StatusCode)
}

// ask sends one request on a connection of its own and reads the answer.
func (a *app) ask(request string) reply {
	a.t.Helper()
	method, _, _ := strings.Cut(request, " ")
	c := a.dial()
	defer c.Close()
	return c.send(request).next(method)
}

// get asks for a path.
func (a *app) get(path string, fields ...string) reply {
	a.t.Helper()
	return a.ask(request("GET", path, fields...))
}

// request writes a request without a body.
func request(method, target string, fields ...string) string {
	var b strings.Builder
	b.WriteString(method + " " + target + " HTTP/1.1\r\nHost: h\r\n")
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	return b.String() + "\r\n"
}

// says answers with a text.
func says(text string) Handler {
	return func(w *Response, _ *Request) error { return w.Text(200, text) }
}

// route1 is a router with one route for everything.
func route1(h Handler, options ...Option) *Router {
	rt := NewRouter()
	rt.Handle("/", h, options...)
	return rt
}

// stop shuts an app down in good order.
func (a *app) stop() {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(a.t, a.Shutdown(ctx))
}

// quiet is a logger that drops everything.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
