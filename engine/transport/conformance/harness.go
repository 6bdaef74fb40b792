package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

type handler func(x *engine.Exchange)

func (h handler) ServeExchange(x *engine.Exchange) { h(x) }

// server is a running server under test.
type server struct {
	*engine.Server
	t *testing.T
	l net.Listener
	*identity
	runner transport.Runner
	ended  chan struct{} // Serve has returned
	err    error         // what it said

	mu  sync.Mutex
	log []string
}

// start runs a server until the end of the test.
func (s suite) start(t *testing.T, es *engine.Server) *server {
	t.Helper()
	if s.identity != nil {
		es.TLS = s.identity.server
	}
	addr := "127.0.0.1:0"
	if s.network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(s.network, addr)
	require.NoError(t, err)
	sv := &server{Server: es, t: t, l: l, identity: s.identity, ended: make(chan struct{})}
	es.Logf = func(format string, args ...any) {
		sv.mu.Lock()
		defer sv.mu.Unlock()
		sv.log = append(sv.log, fmt.Sprintf(format, args...))
	}
	made := make(chan struct{})
	go func() {
		defer close(sv.ended)
		sv.err = es.ServeOn(l, func(o transport.Options) (transport.Runner, error) {
			r, err := s.newRunner(o)
			sv.runner = r
			close(made)
			return r, err
		})
	}()
	<-made
	require.NotNil(t, sv.runner)
	t.Cleanup(func() {
		es.Close()
		await(t, sv.ended, "Serve to return")
		await(t, sv.runner.Done(), "the runner to end")
		require.Zero(t, sv.runner.Conns())
		require.Zero(t, es.Counters().Open)
	})
	return sv
}

func (sv *server) logged() string {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	return strings.Join(sv.log, "\n")
}

// serve runs a server with h.
func (s suite) serve(t *testing.T, h handler) *server {
	t.Helper()
	return s.start(t, &engine.Server{Handler: h})
}

// client is one raw connection to a server.
type client struct {
	net.Conn
	t   *testing.T
	r   *bufio.Reader
	raw net.Conn // the socket
}

func (sv *server) dial(t *testing.T) *client {
	t.Helper()
	c, err := net.Dial(sv.l.Addr().Network(), sv.l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return sv.client(t, c)
}

func (sv *server) client(t *testing.T, c net.Conn) *client {
	raw := c
	if sv.identity != nil {
		c = secured{tls.Client(c, sv.identity.client), c}
	}
	c.SetDeadline(time.Now().Add(patience))
	return &client{c, t, bufio.NewReader(c), raw}
}

func (c *client) send(s string) {
	c.t.Helper()
	_, err := io.WriteString(c.Conn, s)
	require.NoError(c.t, err)
}

// expect reads exactly s.
func (c *client) expect(s string) {
	c.t.Helper()
	b := make([]byte, len(s))
	n, err := io.ReadFull(c.r, b)
	require.NoError(c.t, err, "after %q", b[:n])
	require.Equal(c.t, s, string(b))
}

// rest reads until the server has ended its side, in good order.
func (c *client) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	require.NoError(c.t, err)
	return string(b)
}

// cut reads until the connection ends, in any order, and returns what came.
func (c *client) cut() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		c.t.Fatal("the connection stays open")
	}
	return string(b)
}

func (c *client) closeWrite() {
	c.t.Helper()
	require.NoError(c.t, c.Conn.(interface{ CloseWrite() error }).CloseWrite())
}

// reset closes the connection so that the server sees a reset, where there is such a thing.
func (c *client) reset() {
	if tc, ok := c.raw.(*net.TCPConn); ok {
		tc.SetLinger(0)
	}
	c.raw.Close()
}

// await waits for c to be closed or to give something.
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

// eventually waits for cond.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func path(x *engine.Exchange) string { return string(x.Head().Path.In(x.HeadBytes())) }

func reply(x *engine.Exchange, body string) {
	out := append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	out = append(out, "\r\n\r\n"...)
	x.SetOut(append(out, body...))
}

func answer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func getPath(p string) string { return "GET " + p + " HTTP/1.1\r\nHost: h\r\n\r\n" }

func post(body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func chunked(body string, size int) string {
	var b strings.Builder
	b.WriteString("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

// bodyReader reads an exchange's body as an io.Reader.
type bodyReader struct{ *engine.Exchange }

func (r bodyReader) Read(p []byte) (int, error) { return r.ReadBody(p) }

// echo answers with path and body.
func echo(x *engine.Exchange) {
	b, err := io.ReadAll(bodyReader{x})
	if err != nil {
		reply(x, "error: "+err.Error())
		return
	}
	reply(x, path(x)+" "+string(b))
}

// pattern is n bytes that are different everywhere.
func pattern(n int) string {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()[:n]
}

// watched gives the exchange a context.
func watched(x *engine.Exchange) *engine.Context {
	c := new(engine.Context)
	c.Init(context.Background(), x)
	x.SetContext(c)
	return c
}
