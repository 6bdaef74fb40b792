//go:build linux || darwin

package guest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/gnet"
	"github.com/peregrine-http/peregrine/engine/transport/netpoll"
)

const patience = 20 * time.Second

// each runs a test over both libraries.
func each(t *testing.T, test func(t *testing.T, name string)) {
	for _, name := range []string{"gnet", "netpoll"} {
		t.Run(name, func(t *testing.T) { test(t, name) })
	}
}

var makers = map[string]func(transport.Options) (transport.Runner, error){"gnet": gnet.New, "netpoll": netpoll.New}

type handler func(x *engine.Exchange)

func (h handler) ServeExchange(x *engine.Exchange) { h(x) }

// server is a server on one of the libraries' loops, until the end of the test.
type server struct {
	*engine.Server
	l     net.Listener
	ended chan error

	mu  sync.Mutex
	log []string
}

func serve(t *testing.T, name string, h handler) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{l: l, ended: make(chan error, 1)}
	s.Server = &engine.Server{Transport: name, Handler: h, Logf: func(format string, args ...any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = append(s.log, fmt.Sprintf(format, args...))
	}}
	go func() { s.ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-s.ended
		eventually(t, "no connection to be left", func() bool { return s.Counters().Open == 0 })
	})
	return s
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

type client struct {
	*net.TCPConn
	t *testing.T
	r *bufio.Reader
}

func (s *server) dial(t *testing.T) *client {
	t.Helper()
	c, err := net.Dial("tcp", s.l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &client{c.(*net.TCPConn), t, bufio.NewReader(c)}
}

func (c *client) send(s string) {
	c.t.Helper()
	_, err := io.WriteString(c, s)
	require.NoError(c.t, err)
}

func (c *client) expect(s string) {
	c.t.Helper()
	b := make([]byte, len(s))
	n, err := io.ReadFull(c.r, b)
	require.NoError(c.t, err, "after %q", b[:n])
	require.Equal(c.t, s, string(b))
}

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func answer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func reply(x *engine.Exchange, body string) { x.SetOut(append(x.Out(), answer(body)...)) }

// eventually waits for cond.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("waited in vain for %s\n%s", what, stacks())
		}
	}
}

func stacks() string {
	buf := make([]byte, 4<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// goroutines counts those that have what in their stack.
func goroutines(what string) (n int) {
	for g := range strings.SplitSeq(stacks(), "\n\n") {
		if strings.Contains(g, what) {
			n++
		}
	}
	return n
}

// descriptors counts the open ones, where the system tells.
func descriptors() int {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
