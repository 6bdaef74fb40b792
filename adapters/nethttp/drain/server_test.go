package drain_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp/drain"
	"github.com/peregrine-http/peregrine/engine/processes"
)

var _ processes.Server = (*drain.Server)(nil)

// client is a connection that asks by hand.
type client struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) send(path string) {
	_, err := io.WriteString(c.c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(c.t, err)
}

// receive returns a response's body and whether it is the connection's last.
func (c *client) receive() (string, bool) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.in, nil)
	require.NoError(c.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return string(body), resp.Close
}

func (c *client) ended() {
	c.t.Helper()
	_, err := c.in.ReadByte()
	require.ErrorIs(c.t, err, io.EOF)
}

// slow is a server whose /slow tells that it runs, and waits for leave.
type slow struct {
	*drain.Server
	addr           string
	running, leave chan struct{}
	served         chan error
	hooked         atomic.Int64
}

func serve(t *testing.T) *slow {
	s := &slow{running: make(chan struct{}, 9), leave: make(chan struct{}), served: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		s.running <- struct{}{}
		<-s.leave
		io.WriteString(w, "slow")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "fast") })
	s.Server = drain.New(&http.Server{Handler: mux, ConnState: func(net.Conn, http.ConnState) { s.hooked.Add(1) }})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = l.Addr().String()
	go func() { s.served <- s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	return s
}

func TestDrain(t *testing.T) {
	s := serve(t)
	kept, silent, fresh, busy := dial(t, s.addr), dial(t, s.addr), dial(t, s.addr), dial(t, s.addr)
	for _, c := range []*client{kept, silent} {
		c.send("/")
		body, last := c.receive()
		require.Equal(t, "fast", body)
		require.False(t, last)
	}
	busy.send("/slow")
	<-s.running
	require.Eventually(t, func() bool { return s.Counters().Open == 4 }, time.Minute, time.Millisecond)

	s.EndKeepAlives() // closes nothing
	late := dial(t, s.addr)
	for _, c := range []*client{kept, late} {
		c.send("/")
		body, last := c.receive()
		require.Equal(t, "fast", body)
		require.True(t, last)
		c.ended()
	}

	over := make(chan error)
	go func() { over <- s.Shutdown(context.Background()) }()
	silent.ended() // while a request is running
	fresh.ended()
	require.ErrorIs(t, <-s.served, http.ErrServerClosed)
	_, err := net.Dial("tcp", s.addr)
	require.Error(t, err)
	close(s.leave)
	body, last := busy.receive()
	require.Equal(t, "slow", body)
	require.True(t, last)
	require.NoError(t, <-over)
	require.Equal(t, processes.Counters{Accepted: 5, Requests: 5}, s.Counters())
	require.Positive(t, s.hooked.Load())

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorIs(t, s.Serve(l), http.ErrServerClosed)
}

// TestShutdownBounded: who runs on is not waited for longer than the context says, and Close cuts.
func TestShutdownBounded(t *testing.T) {
	s := serve(t)
	defer close(s.leave)
	busy := dial(t, s.addr)
	busy.send("/slow")
	<-s.running
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.DeadlineExceeded)
	require.NoError(t, s.Close())
	_, err := busy.in.ReadByte()
	require.Error(t, err)
	require.ErrorIs(t, <-s.served, http.ErrServerClosed)
}

// TestServeFails: what Serve says before the end is what net/http says.
func TestServeFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	require.ErrorIs(t, drain.New(&http.Server{}).Serve(l), net.ErrClosed)
}

// TestUpgrade: the field Connection of an answer that changes the protocol is the handler's.
func TestUpgrade(t *testing.T) {
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, w.Header().Get("Connection")) })}
	s := drain.New(h)
	s.EndKeepAlives()
	for upgrade, want := range map[string]string{"": "close", "websocket": ""} {
		r := httptest.NewRequest("GET", "/", nil)
		if upgrade != "" {
			r.Header.Set("Upgrade", upgrade)
		}
		w := httptest.NewRecorder()
		h.Handler.ServeHTTP(w, r)
		require.Equal(t, want, w.Body.String())
	}
}

// TestHijack: a connection that is taken over while the server ends belongs to its handler, and nobody waits for it.
func TestHijack(t *testing.T) {
	running, leave, told := make(chan bool), make(chan bool), make(chan bool)
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running <- true
		<-leave
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		leave <- true
		<-leave
		line, _ := rw.ReadString('\n')
		rw.WriteString(line)
		rw.Flush()
	})}
	h.RegisterOnShutdown(func() { close(told) })
	s := drain.New(h)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go s.Serve(l)
	c := dial(t, l.Addr().String())
	c.send("/")
	<-running
	over := make(chan error)
	go func() { over <- s.Shutdown(context.Background()) }()
	select {
	case err := <-over:
		t.Fatal("Shutdown has not waited:", err)
	case <-time.After(50 * time.Millisecond):
	}
	leave <- true
	<-leave
	require.NoError(t, <-over)
	<-told
	require.Equal(t, processes.Counters{Accepted: 1, Requests: 1, Hijacked: 1}, s.Counters())
	require.NoError(t, s.Close())
	leave <- true
	_, err = io.WriteString(c.c, "still here\n")
	require.NoError(t, err)
	line, err := c.in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "still here\n", line)
	c.ended()
}

// TestHTTP2: its connections are told to go away, and do not keep Shutdown waiting.
func TestHTTP2(t *testing.T) {
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	ts.EnableHTTP2 = true
	s := drain.New(ts.Config)
	ts.StartTLS()
	defer ts.Close()
	c := ts.Client()
	get := func() {
		resp, err := c.Get(ts.URL)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "HTTP/2.0", string(body))
	}
	get()
	idle, err := tls.Dial("tcp", ts.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	defer idle.Close()
	s.EndKeepAlives()
	get()
	get() // on a new connection
	require.NoError(t, s.Shutdown(context.Background()))
}
