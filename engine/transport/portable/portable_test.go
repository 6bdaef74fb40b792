package portable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

type handler func(x *engine.Exchange)

func (h handler) ServeExchange(x *engine.Exchange) { h(x) }

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func answer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func reply(x *engine.Exchange, body string) { x.SetOut(append(x.Out(), answer(body)...)) }

func hi(x *engine.Exchange) { reply(x, "hi") }

// listener gives out what is sent to it: net.Conns and errors.
type listener struct {
	next   chan any
	closed chan struct{}
	once   sync.Once
}

func newListener() *listener { return &listener{next: make(chan any), closed: make(chan struct{})} }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case v := <-l.next:
		if nc, ok := v.(net.Conn); ok {
			return nc, nil
		}
		return nil, v.(error)
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "fake" }
func (addr) String() string  { return "fake" }

// serve serves the connections of the listener it returns until the end of the test.
func serve(t *testing.T, s *engine.Server) *listener {
	l := newListener()
	s.Transport = "portable"
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		require.Equal(t, transport.ErrStopped, <-served)
	})
	return l
}

func pipe(t *testing.T, l *listener) net.Conn {
	ours, theirs := net.Pipe()
	l.next <- theirs
	t.Cleanup(func() { ours.Close() })
	ours.SetDeadline(time.Now().Add(20 * time.Second))
	return ours
}

func expect(t *testing.T, c io.Reader, s string) {
	t.Helper()
	b := make([]byte, len(s))
	n, err := io.ReadFull(c, b)
	require.NoError(t, err, "after %q", b[:n])
	require.Equal(t, s, string(b))
}

func TestPipe(t *testing.T) {
	l := serve(t, &engine.Server{Handler: handler(func(x *engine.Exchange) {
		b, err := io.ReadAll(readerFunc(x.ReadBody))
		if err != nil {
			t.Error(err)
		}
		reply(x, string(b))
	})})
	c := pipe(t, l)
	for range 3 {
		io.WriteString(c, get)
		expect(t, c, answer(""))
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
		expect(t, c, answer("hello"))
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Watching and Hijack on a connection that has nothing but Read, Write and deadlines.
func TestPipeIsWatchedAndHijacked(t *testing.T) {
	ended := make(chan bool, 1)
	l := serve(t, &engine.Server{Handler: handler(func(x *engine.Exchange) {
		ctx := new(engine.Context)
		ctx.Init(context.Background(), x)
		x.SetContext(ctx)
		done := ctx.Done()
		switch string(x.Head().Path.In(x.HeadBytes())) {
		case "/wait":
			<-done
			ended <- true
		case "/hijack":
			nc, pending, err := x.Hijack()
			if err != nil || len(pending) > 0 {
				t.Error(err, pending)
				return
			}
			io.WriteString(nc, "mine")
			b := make([]byte, 5)
			if _, err := io.ReadFull(nc, b); err != nil {
				t.Error(err)
			}
			nc.Write(b)
			nc.Close()
		default:
			hi(x)
		}
	})})
	c := pipe(t, l)
	for range 3 {
		io.WriteString(c, get) // the read in the background is joined by the next wait
		expect(t, c, answer("hi"))
	}
	io.WriteString(c, "GET /hijack HTTP/1.1\r\nHost: h\r\n\r\n")
	expect(t, c, "mine")
	io.WriteString(c, "hello")
	expect(t, c, "hello")

	c = pipe(t, l)
	io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
	c.Close()
	<-ended
}

// fake is a net.Conn that can do as little as one may: no deadlines, no addresses.
type fake struct {
	io.Reader
	mu     sync.Mutex
	out    bytes.Buffer
	closed chan struct{}
	once   sync.Once
	remote func() net.Addr
}

func newFake(r io.Reader) *fake { return &fake{Reader: r, closed: make(chan struct{})} }

func (f *fake) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.Write(p)
}

func (f *fake) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

func (f *fake) LocalAddr() net.Addr { return nil }
func (f *fake) RemoteAddr() net.Addr {
	if f.remote != nil {
		return f.remote()
	}
	return nil
}
func (f *fake) SetDeadline(time.Time) error      { return nil }
func (f *fake) SetReadDeadline(time.Time) error  { return nil }
func (f *fake) SetWriteDeadline(time.Time) error { return nil }

func (f *fake) wrote() string {
	<-f.closed
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.String()
}

func TestFakes(t *testing.T) {
	for name, shape := range map[string]func(io.Reader) io.Reader{
		"whole":                     func(r io.Reader) io.Reader { return r },
		"byte by byte":              iotest.OneByteReader,
		"the end with the last":     iotest.DataErrReader,
		"byte by byte with the end": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
	} {
		for _, ask := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", watched ", ask), func(t *testing.T) {
				l := serve(t, &engine.Server{Handler: handler(func(x *engine.Exchange) {
					ctx := new(engine.Context)
					ctx.Init(context.Background(), x)
					x.SetContext(ctx)
					if ask {
						ctx.Done()
					}
					if x.Conn().Remote() != "" || x.Conn().LocalAddr().String() != "" {
						t.Error("there is no address")
					}
					hi(x)
				})})
				f := newFake(shape(strings.NewReader(get + get + get)))
				l.next <- f
				require.Equal(t, answer("hi")+answer("hi")+answer("hi"), f.wrote())
			})
		}
	}
}

// A reader that returns nothing for ever is given up; one that does so at times is not.
// hiding is a net.Conn like those of package net: as long as a read deadline has passed, Read does not say what has come.
type hiding struct {
	*fake
	passed  chan bool // told of each deadline
	waiting chan struct{}
	hidden  string
}

func (h *hiding) SetReadDeadline(at time.Time) error {
	if !at.IsZero() {
		h.passed <- at.Before(time.Now())
	}
	return nil
}

func (h *hiding) Read(p []byte) (int, error) {
	if n, err := h.Reader.Read(p); n > 0 {
		return n, err
	}
	close(h.waiting)
	h.waiting = make(chan struct{})
	if !<-h.passed {
		h.Reader, h.hidden = strings.NewReader(h.hidden), ""
		if n, err := h.Reader.Read(p); n > 0 {
			return n, err
		}
	}
	return 0, os.ErrDeadlineExceeded
}

// A request that has come when the server begins to drain is answered, and then the connection ends.
func TestDrainLooksOnce(t *testing.T) {
	for _, hidden := range []string{"", get} {
		s := &engine.Server{Handler: handler(hi), Transport: "portable"}
		l := newListener()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		waiting := make(chan struct{})
		h := &hiding{fake: newFake(strings.NewReader(get)), passed: make(chan bool, 2), waiting: waiting, hidden: hidden}
		l.next <- h
		<-waiting
		require.NoError(t, s.Shutdown(t.Context()))
		require.Equal(t, transport.ErrStopped, <-served)
		require.Equal(t, strings.Repeat(answer("hi"), 1+len(hidden)/len(get)), h.wrote())
	}
}

func TestEmptyReads(t *testing.T) {
	l := serve(t, &engine.Server{Handler: handler(hi)})
	f := newFake(readerFunc(func([]byte) (int, error) { return 0, nil }))
	l.next <- f
	require.Empty(t, f.wrote())

	in, odd := bytes.NewReader([]byte(get)), true
	f = newFake(readerFunc(func(p []byte) (int, error) {
		if odd = !odd; odd {
			return in.Read(p[:1])
		}
		return 0, nil
	}))
	l.next <- f
	require.Equal(t, answer("hi"), f.wrote())
}

type ownTimeout struct{}

func (ownTimeout) Error() string   { return "too late, it says" }
func (ownTimeout) Timeout() bool   { return true }
func (ownTimeout) Temporary() bool { return true }

// A deadline's error is os.ErrDeadlineExceeded, whatever the net.Conn calls it.
func TestForeignTimeout(t *testing.T) {
	result := make(chan error, 1)
	l := serve(t, &engine.Server{Handler: handler(func(x *engine.Exchange) {
		_, err := x.ReadBody(make([]byte, 10))
		result <- err
		hi(x)
	})})
	in := bytes.NewReader([]byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"))
	f := newFake(readerFunc(func(p []byte) (int, error) {
		if in.Len() > 0 {
			return in.Read(p)
		}
		return 0, ownTimeout{}
	}))
	l.next <- f
	require.Equal(t, os.ErrDeadlineExceeded, <-result)
	require.Equal(t, answer("hi"), f.wrote())
}

// An address that takes for ever to find out (it may have to be read from the peer) holds up nobody else.
func TestRemoteAddrMayBlock(t *testing.T) {
	release := make(chan net.Addr)
	l := serve(t, &engine.Server{Handler: handler(func(x *engine.Exchange) { reply(x, x.Conn().Remote()) })})
	slow, quick := newFake(bytes.NewReader([]byte(get))), newFake(bytes.NewReader([]byte(get)))
	slow.remote = func() net.Addr { return <-release }
	quick.remote = func() net.Addr { return addr{} }
	l.next <- slow
	l.next <- quick
	require.Equal(t, answer("fake"), quick.wrote())
	release <- addr{}
	require.Equal(t, answer("fake"), slow.wrote())
}

func TestTemporaryAcceptErrors(t *testing.T) {
	var mu sync.Mutex
	var log []string
	l := serve(t, &engine.Server{Handler: handler(hi), Logf: func(f string, a ...any) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, fmt.Sprintf(f, a...))
	}})
	for range 3 {
		l.next <- ownTimeout{}
	}
	f := newFake(bytes.NewReader([]byte(get)))
	l.next <- f
	require.Equal(t, answer("hi"), f.wrote())
	l.next <- ownTimeout{}
	f = newFake(bytes.NewReader([]byte(get)))
	l.next <- f
	require.Equal(t, answer("hi"), f.wrote())
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{
		"http: Accept error: too late, it says; retrying in 5ms",
		"http: Accept error: too late, it says; retrying in 10ms",
		"http: Accept error: too late, it says; retrying in 20ms",
		"http: Accept error: too late, it says; retrying in 5ms",
	}, log)
}

func TestNewRefuses(t *testing.T) {
	_, err := portable.New(transport.Options{})
	require.ErrorContains(t, err, "NewSession")
}

// quiet is a session that does as it is told.
type quiet struct {
	transport.Session
	run    func(t *transport.Turn) transport.Next
	closed chan error
}

func (q *quiet) Run(t *transport.Turn) transport.Next    { return q.run(t) }
func (q *quiet) Expire(t *transport.Turn) transport.Next { return transport.Read }
func (q *quiet) Idle() bool                              { return false }
func (q *quiet) HangUp(bool)                             {}
func (q *quiet) Closed(err error)                        { q.closed <- err }

// An idle connection's buffer is a small one, whatever it has seen; what is unconsumed is kept.
func TestIdleBuffer(t *testing.T) {
	turns := make(chan int)
	q := &quiet{closed: make(chan error, 1)}
	q.run = func(t *transport.Turn) transport.Next {
		n := len(t.In)
		if n >= 50_000 || n == 1 || t.EOF {
			turns <- t.Buffer().Cap()
			t.In = t.In[n:]
		}
		return transport.Read
	}
	r, err := portable.New(transport.Options{NewSession: func(transport.Conn) transport.Session { return q }})
	require.NoError(t, err)
	l := newListener()
	go r.Serve(l)
	c := pipe(t, l)
	go c.Write(make([]byte, 50_000))
	require.Greater(t, <-turns, transport.BufferMedium)
	go c.Write(make([]byte, 1))
	require.Equal(t, transport.BufferSmall, <-turns)
	c.Close()
	<-turns
	require.NoError(t, <-q.closed)
	r.Drain()
	<-r.Done()
}

// The session hears why the connection ended.
func TestClosedSaysWhy(t *testing.T) {
	broken := errors.New("broken")
	q := &quiet{closed: make(chan error, 1), run: func(*transport.Turn) transport.Next { return transport.Read }}
	r, err := portable.New(transport.Options{NewSession: func(transport.Conn) transport.Session { return q }})
	require.NoError(t, err)
	l := newListener()
	go r.Serve(l)
	l.next <- newFake(iotest.ErrReader(broken))
	require.Equal(t, broken, <-q.closed)
	l.next <- newFake(bytes.NewReader(nil))
	require.NoError(t, <-q.closed)
	block := make(chan struct{})
	f := newFake(nil)
	f.Reader = readerFunc(func([]byte) (int, error) { <-block; <-f.closed; return 0, io.ErrClosedPipe })
	l.next <- f
	close(block)
	r.Close()
	require.Equal(t, net.ErrClosed, <-q.closed)
	<-r.Done()
	require.Zero(t, r.Conns())
}
