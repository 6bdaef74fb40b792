package nethttp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// The oracle is net/http: the same handler behind http.Server and behind nethttp.Server, the same bytes sent to both
// over real sockets, and every byte that comes back must be the same, dates apart.

// server is what both kinds of server have.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
	SetKeepAlivesEnabled(bool)
	RegisterOnShutdown(func())
}

// kinds are the two servers, the oracle first.
var kinds = []struct {
	name string
	make func(h http.Handler, log *log.Logger) server
}{
	{"oracle", func(h http.Handler, l *log.Logger) server { return &http.Server{Handler: h, ErrorLog: l} }},
	{"ours", func(h http.Handler, l *log.Logger) server { return &nethttp.Server{Handler: h, ErrorLog: l} }},
}

// running starts s on a port of its own.
func running(t testing.TB, s server) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return l.Addr().String()
}

// step is one thing that a client does: sends bytes, then waits until it has seen some.
type step struct{ send, until string }

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

var dateLine = regexp.MustCompile(`Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT`)

// talk plays the client, and returns everything that it was sent until the server closed the connection.
func talk(t testing.TB, addr string, steps ...step) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))

	var mu sync.Mutex
	var got bytes.Buffer
	more := make(chan struct{}, 1)
	end := make(chan error, 1)
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := c.Read(buf)
			mu.Lock()
			got.Write(buf[:n])
			mu.Unlock()
			select {
			case more <- struct{}{}:
			default:
			}
			if err != nil {
				end <- err
				return
			}
		}
	}()
	seen := func() string {
		mu.Lock()
		defer mu.Unlock()
		return got.String()
	}
	ended := false
	var readErr error
	for _, s := range steps {
		io.WriteString(c, s.send) // may fail if the server does not want it
		for !ended && !strings.Contains(seen(), s.until) {
			select {
			case <-more:
			case readErr = <-end:
				ended = true
			}
		}
	}
	if !ended {
		readErr = <-end
	}
	if ne, ok := readErr.(net.Error); ok && ne.Timeout() {
		t.Errorf("the connection was not closed; seen so far: %.500q", seen())
	}
	return dateLine.ReplaceAllString(seen(), "Date: <date>")
}

// lastRequest ends a conversation on a connection that is still open.
const lastRequest = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// withLast answers lastRequest.
func withLast(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/last" {
			io.WriteString(w, "last")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// lines is where a server logs. Addresses, goroutine stacks and line numbers are not compared.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

var (
	addrText  = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	stackText = regexp.MustCompile(`(?s)goroutine \d+ \[running\]:.*?\n\n`)
)

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) text() string {
	s := addrText.ReplaceAllString(l.String()+"\n\n", "<addr>")
	return strings.TrimSpace(stackText.ReplaceAllString(s, "<stack>\n"))
}

// compare has the same conversation with both servers.
func compare(t *testing.T, h http.Handler, steps ...step) {
	t.Helper()
	var answers, logs [2]string
	for i, k := range kinds {
		var l lines
		s := k.make(withLast(h), log.New(&l, "", 0))
		answers[i] = talk(t, running(t, s), steps...)
		if strings.Contains(answers[i], "HTTP/1.1 101") {
			continue
		}
		s.Shutdown(context.Background())
		logs[i] = l.text()
	}
	require.Equal(t, readable(answers[0]), readable(answers[1]))
	require.Equal(t, logs[0], logs[1], "logs")
}

// readable shortens what is long for a message, and keeps what differs.
func readable(s string) string {
	if len(s) < 2<<10 {
		return s
	}
	return fmt.Sprintf("%s ... %d bytes, sum %x ... %s", s[:600], len(s), sum(s), s[len(s)-600:])
}

func sum(s string) (h uint64) {
	for i := range len(s) {
		h = h*1099511628211 ^ uint64(s[i])
	}
	return h
}

func TestOracle(t *testing.T) {
	for _, h := range oracleHandlers {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			var addrs [2]string
			var logs [2]lines
			for i, k := range kinds {
				addrs[i] = running(t, k.make(withLast(h.serve), log.New(&logs[i], "", 0)))
			}
			for _, r := range oracleRequests {
				if isIntended(h, r) {
					continue
				}
				// In one piece: what arrives after a close makes the kernel destroy what it has not delivered.
				steps := append([]step(nil), r.steps...)
				steps[len(steps)-1].send += lastRequest
				want := talk(t, addrs[0], steps...)
				got := talk(t, addrs[1], steps...)
				if want != got {
					t.Errorf("request %q\nwant %s\ngot  %s", r.name, readable(want), readable(got))
				}
			}
			require.Equal(t, logs[0].text(), logs[1].text(), "logs")
		})
	}
}
