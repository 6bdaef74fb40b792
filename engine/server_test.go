package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

type handlerFunc func(x *engine.Exchange)

func (f handlerFunc) ServeExchange(x *engine.Exchange) { f(x) }

var hi = handlerFunc(func(x *engine.Exchange) {
	x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"...))
})

const (
	request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	answer  = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// ask sends one request on a new connection and returns the connection.
func ask(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial(l.Addr().Network(), l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = io.WriteString(c, request)
	require.NoError(t, err)
	b := make([]byte, len(answer))
	_, err = io.ReadFull(c, b)
	require.NoError(t, err)
	require.Equal(t, answer, string(b))
	return c
}

// Bad values are refused by name, and the listener is left alone.
func TestServeRefuses(t *testing.T) {
	for _, tt := range []struct {
		want string
		s    *engine.Server
	}{
		{"Server.Handler is <nil>", &engine.Server{}},
		{`Server.Transport is "carrier pigeon"`, &engine.Server{Handler: hi, Transport: "carrier pigeon"}},
		{"Server.Loops is -1", &engine.Server{Handler: hi, Loops: -1}},
		{"Server.Loops is 257", &engine.Server{Handler: hi, Loops: 257}},
		{"Server.HeadBytesMax is -5", &engine.Server{Handler: hi, HeadBytesMax: -5}},
		{"Server.HeadBytesMax is 1073741825", &engine.Server{Handler: hi, HeadBytesMax: engine.HeadBytesLimit + 1}},
	} {
		l := listen(t)
		err := tt.s.Serve(l)
		require.ErrorContains(t, err, tt.want)
		require.ErrorContains(t, err, "want ")
		_, err = net.Dial("tcp", l.Addr().String())
		require.NoError(t, err, "the listener has been closed")
		require.ErrorContains(t, (&engine.Server{Handler: tt.s.Handler}).Serve(nil), "listener is nil")
	}
}

type wrapped struct{ net.Listener }

// Epoll by name is epoll or an error; without a name any listener is served.
func TestTransportByListener(t *testing.T) {
	l := wrapped{listen(t)}
	err := (&engine.Server{Handler: hi, Transport: "epoll"}).Serve(l)
	require.ErrorContains(t, err, `Server.Transport is "epoll": the listener is a engine_test.wrapped`)
	for _, name := range []string{"", "portable"} {
		s := &engine.Server{Handler: hi, Transport: name}
		l := wrapped{listen(t)}
		go s.Serve(l)
		ask(t, l)
		require.NoError(t, s.Close())
	}
}

func TestServeTwoListeners(t *testing.T) {
	s := &engine.Server{Handler: hi}
	a, b := listen(t), listen(t)
	done := make(chan error)
	for _, l := range []net.Listener{a, b} {
		go func() { done <- s.Serve(l) }()
	}
	ask(t, a)
	idle := ask(t, b)
	require.Equal(t, engine.Counters{Accepted: 2, Open: 2, Requests: 2}, s.Counters())
	require.False(t, s.Draining())
	require.NoError(t, s.Shutdown(t.Context()))
	require.True(t, s.Draining())
	require.Equal(t, transport.ErrStopped, <-done)
	require.Equal(t, transport.ErrStopped, <-done)
	_, err := idle.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	require.Equal(t, engine.Counters{Accepted: 2, Requests: 2}, s.Counters())
	require.NoError(t, s.Shutdown(t.Context()), "twice")
	require.NoError(t, s.Close(), "and closed")
}

func TestServeAfterClose(t *testing.T) {
	s := &engine.Server{Handler: hi}
	require.NoError(t, s.Close())
	l := listen(t)
	require.Equal(t, transport.ErrStopped, s.Serve(l))
	_, err := l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// Shutdown gives a connection that has not said anything its time, and then ends it. It takes five seconds.
func TestShutdownWithAFreshConnection(t *testing.T) {
	t.Parallel()
	s := &engine.Server{Handler: hi}
	l := listen(t)
	go s.Serve(l)
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	ask(t, l).Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.Equal(t, context.DeadlineExceeded, s.Shutdown(ctx))
	_, err = io.WriteString(c, request[:9])
	require.NoError(t, err)
	_, err = io.WriteString(c, request[9:])
	require.NoError(t, err)
	b, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, answer, string(b), "it was not too late")

	s = &engine.Server{Handler: hi}
	l = listen(t)
	go s.Serve(l)
	c, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	ask(t, l).Close()
	require.NoError(t, s.Shutdown(t.Context()))
	_, err = c.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

func TestCloseIdleLeavesTheServerRunning(t *testing.T) {
	s := &engine.Server{Handler: hi}
	l := listen(t)
	go s.Serve(l)
	defer s.Close()
	c := ask(t, l)
	for s.Counters().Open > 0 {
		s.CloseIdle()
		runtime.Gosched()
	}
	_, err := c.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	ask(t, l)
}

func TestListenerFailure(t *testing.T) {
	broken := errors.New("broken")
	s := &engine.Server{Handler: hi}
	require.Equal(t, broken, s.Serve(failing{broken}))
	require.False(t, s.Draining())
	l := listen(t)
	go s.Serve(l)
	defer s.Close()
	ask(t, l)
}

type failing struct{ err error }

func (l failing) Accept() (net.Conn, error) { return nil, l.err }
func (failing) Close() error                { return nil }
func (failing) Addr() net.Addr              { return &net.TCPAddr{} }

// A server whose listener has gone and whose connections have ended leaves nothing behind.
func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	s := &engine.Server{Handler: hi}
	for range 5 {
		l := listen(t)
		done := make(chan error)
		go func() { done <- s.Serve(l) }()
		c := ask(t, l)
		l.Close()
		require.Error(t, <-done)
		c.Close()
	}
	for start := time.Now(); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			buf := make([]byte, 1<<20)
			t.Fatalf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
		}
	}
}

// One request from its bytes to the answer: what a Handler sees.
func ExampleServer() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &engine.Server{Handler: handlerFunc(func(x *engine.Exchange) {
		head, b := x.Head(), x.HeadBytes()
		fmt.Printf("%s %s\n", head.Method.In(b), head.Path.In(b))
		body := make([]byte, 100)
		n, err := x.ReadBody(body)
		fmt.Printf("%s %v\n", body[:n], err)
		x.SetClose(false)
		x.SetOut(append(x.Out(), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"...))
	})}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	io.WriteString(c, "PUT /cup HTTP/1.1\r\nHost: example.test\r\nContent-Length: 3\r\n\r\ntea")
	out, _ := io.ReadAll(c)
	fmt.Println(strings.SplitN(string(out), "\r\n", 2)[0])

	s.Shutdown(context.Background())
	fmt.Println(<-served)
	// Output:
	// PUT /cup
	// tea EOF
	// HTTP/1.1 204 No Content
	// transport: stopped
}
