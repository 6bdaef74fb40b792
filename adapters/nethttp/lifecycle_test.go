package nethttp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// closedOnce is a listener that tells whether it has been closed.
type closedOnce struct {
	net.Listener
	closed chan struct{}
}

func (l *closedOnce) Accept() (net.Conn, error) { <-l.closed; return nil, net.ErrClosed }
func (l *closedOnce) Close() error              { close(l.closed); return nil }
func (l *closedOnce) Addr() net.Addr            { return &net.TCPAddr{} }

// A field that makes no sense is named, with its value, and nothing is opened.
func TestConfigurationErrors(t *testing.T) {
	none := new(http.Protocols)
	for _, c := range []struct {
		s    *nethttp.Server
		says []string
	}{
		{&nethttp.Server{Transport: "carrier pigeon"}, []string{"Transport", "carrier pigeon"}},
		{&nethttp.Server{Loops: -1}, []string{"Loops", "-1"}},
		{&nethttp.Server{Loops: 257}, []string{"Loops", "257"}},
		{&nethttp.Server{Protocols: none}, []string{"Protocols", none.String()}},
	} {
		c.s.Addr = "127.0.0.1:http-alt-that-is-no-service" // would be another error
		l := &closedOnce{closed: make(chan struct{})}
		for _, err := range []error{c.s.ListenAndServe(), c.s.ListenAndServeTLS("", ""), c.s.Serve(l)} {
			for _, text := range c.says {
				require.ErrorContains(t, err, text)
			}
		}
		<-l.closed
	}
	require.ErrorContains(t, nethttp.Serve(nil, nil), "listener is nil")
	require.ErrorContains(t, nethttp.ServeTLS(nil, nil, "", ""), "listener is nil")
}

func TestAfterShutdown(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := k.make(nil, nil)
			require.NoError(t, s.Shutdown(context.Background()))
			l := &closedOnce{closed: make(chan struct{})}
			require.Equal(t, http.ErrServerClosed, s.Serve(l))
			<-l.closed
		})
	}
	s := &nethttp.Server{}
	s.Close()
	require.Equal(t, http.ErrServerClosed, s.ListenAndServe())
	require.Equal(t, http.ErrServerClosed, s.ListenAndServeTLS("", ""))
}

// The order of states, and the connection they are about.
func TestConnStates(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			var mu sync.Mutex
			var states []string
			ended := make(chan bool, 3)
			conns := map[net.Conn]bool{}
			hook := func(c net.Conn, s http.ConnState) {
				mu.Lock()
				defer mu.Unlock()
				conns[c] = true
				states = append(states, s.String())
				if s == http.StateClosed || s == http.StateHijacked {
					ended <- true
				}
			}
			handler := withLast(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/hijack" {
					c, _, _ := w.(http.Hijacker).Hijack()
					c.Close()
				}
			}))
			var s server
			if k.name == "ours" {
				s = &nethttp.Server{Handler: handler, ConnState: hook}
			} else {
				s = &http.Server{Handler: handler, ConnState: hook}
			}
			addr := running(t, s)
			const get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
			for _, steps := range [][]step{
				{{get, "200 OK"}, {lastRequest, ""}},
				{{strings.Replace(get, "/a", "/hijack", 1), ""}},
				{{"nonsense\r\n\r\n", ""}},
			} {
				talk(t, addr, steps...)
				<-ended
			}
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, "new active idle active closed new active hijacked new active closed", strings.Join(states, " "))
			require.Len(t, conns, 3)
		})
	}
}

// A hook that panics ends the connection that it was told of, and no other.
func TestConnStatePanics(t *testing.T) {
	for _, k := range kinds {
		for _, at := range []struct {
			state http.ConnState
			steps []step
		}{
			{http.StateActive, []step{{"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", ""}}},
			{http.StateIdle, []step{{"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "404"}}},
		} {
			t.Run(k.name+" "+at.state.String(), func(t *testing.T) {
				logged := new(lines)
				hook := func(_ net.Conn, state http.ConnState) {
					if state == at.state {
						panic("the hook's own")
					}
				}
				var s server = &http.Server{ConnState: hook, ErrorLog: log.New(logged, "", 0)}
				if k.name == "ours" {
					s = &nethttp.Server{ConnState: hook, ErrorLog: log.New(logged, "", 0)}
				}
				addr := running(t, s)
				talk(t, addr, at.steps...)
				require.Eventually(t, func() bool {
					return logged.text() == "http: panic serving <addr>: the hook's own\n<stack>"
				}, patience, time.Millisecond)
				talk(t, addr, at.steps...)
			})
		}
	}
}

func TestContexts(t *testing.T) {
	type key string
	s := &nethttp.Server{}
	s.BaseContext = func(l net.Listener) context.Context {
		return context.WithValue(context.Background(), key("base"), l.Addr().String())
	}
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		require.NotNil(t, ctx.Value(http.ServerContextKey))
		return context.WithValue(ctx, key("conn"), c.RemoteAddr().String())
	}
	s.ErrorLog = log.New(io.Discard, "mine", 0)
	var addr string
	var ctx context.Context
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx = r.Context()
		require.Equal(t, addr, ctx.Value(key("base")))
		require.Equal(t, r.RemoteAddr, ctx.Value(key("conn")))
		require.Equal(t, addr, ctx.Value(http.LocalAddrContextKey).(net.Addr).String())
		require.Equal(t, s.ErrorLog, ctx.Value(http.ServerContextKey).(*http.Server).ErrorLog)
		require.NoError(t, ctx.Err())
	})
	addr = running(t, s)
	require.Contains(t, talk(t, addr, step{send: lastRequest}), "200 OK")
	<-ctx.Done()
	require.Equal(t, context.Canceled, ctx.Err())
}

// A client that leaves ends the context, once its body has been read.
func TestClientLeaves(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			started, ended := make(chan bool), make(chan error)
			addr := running(t, k.make(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				//lint:ignore SA1019 programs still use it
				gone := w.(http.CloseNotifier).CloseNotify()
				io.Copy(io.Discard, r.Body)
				started <- true
				<-ctx.Done()
				<-gone
				ended <- ctx.Err()
			}), nil))
			c, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
			<-started
			c.Close()
			require.Equal(t, context.Canceled, <-ended)
		})
	}
}

// A running request is waited for, and answered with the connection's end; an idle connection is closed at once.
func TestShutdownWaits(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			entered, leave := make(chan bool), make(chan bool)
			s := k.make(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/slow" {
					entered <- true
					<-leave
				}
				io.WriteString(w, "done")
			}), nil)
			addr := running(t, s)
			idle, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer idle.Close()
			io.WriteString(idle, "GET /fast HTTP/1.1\r\nHost: x\r\n\r\n")
			buf := make([]byte, 4096)
			n, err := io.ReadAtLeast(idle, buf, len("HTTP/1.1 200 OK"))
			require.NoError(t, err)

			slow := make(chan string)
			go func() { slow <- talk(t, addr, step{send: "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"}) }()
			<-entered
			hooked := make(chan bool)
			s.RegisterOnShutdown(func() { close(hooked) })
			down := make(chan error)
			go func() { down <- s.Shutdown(context.Background()) }()
			<-hooked
			idle.SetDeadline(time.Now().Add(patience))
			for err == nil {
				var m int
				m, err = idle.Read(buf[n:])
				n += m
			}
			require.Equal(t, io.EOF, err)
			select {
			case <-down:
				t.Fatal("Shutdown has returned with a request running")
			default:
			}
			leave <- true
			require.Contains(t, <-slow, "Connection: close\r\n")
			require.NoError(t, <-down)
		})
	}
}

// lateClose is a listener that takes its time to close.
type lateClose struct {
	net.Listener
	closing, goOn chan bool
}

func (l lateClose) Close() error {
	select {
	case l.closing <- true:
		<-l.goOn
	default:
	}
	return l.Listener.Close()
}

// What is called on Shutdown finds the listener closed.
func TestShutdownTellsAfterClosing(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := lateClose{inner, make(chan bool, 1), make(chan bool)}
	s := new(nethttp.Server)
	told := make(chan bool)
	s.RegisterOnShutdown(func() { close(told) })
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	require.Contains(t, talk(t, inner.Addr().String(), step{send: lastRequest}), "404") // it serves
	down := make(chan error)
	go func() { down <- s.Shutdown(context.Background()) }()
	<-l.closing
	select {
	case <-told:
		t.Fatal("told before the listener is closed")
	case <-time.After(20 * time.Millisecond): // it may take longer to be wrong, never to be right
	}
	close(l.goOn)
	<-told
	require.NoError(t, <-down)
	require.Equal(t, http.ErrServerClosed, <-served)
}

func TestShutdownGivesUp(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	s := &nethttp.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- true
		<-leave
	})}
	addr := running(t, s)
	go talk(t, addr, step{send: lastRequest})
	<-entered
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("enough"))
	require.Equal(t, context.Canceled, s.Shutdown(ctx))
	close(leave)
}

func TestKeepAlivesDisabled(t *testing.T) {
	for _, k := range kinds {
		s := k.make(http.NotFoundHandler(), nil)
		s.SetKeepAlivesEnabled(false)
		got := talk(t, running(t, s), step{send: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"})
		require.Contains(t, got, "Connection: close\r\n", k.name)
	}
}

// A ConnState hook that waits for a lock whose holder disables keep-alives: net/http/httptest's Server does both.
func TestKeepAlivesDisabledUnderHooksLock(t *testing.T) {
	var lock sync.Mutex
	hooked := make(chan bool)
	s := &nethttp.Server{Handler: withLast(http.NotFoundHandler()), ConnState: func(_ net.Conn, to http.ConnState) {
		if to == http.StateClosed {
			close(hooked)
			lock.Lock()
			defer lock.Unlock()
		}
	}}
	addr := running(t, s)
	lock.Lock()
	talk(t, addr, step{send: lastRequest}) // the peer sees the end before the hook does
	<-hooked
	s.SetKeepAlivesEnabled(false)
	lock.Unlock()
}

// Two listeners, one server.
func TestTwoListeners(t *testing.T) {
	s := &nethttp.Server{Handler: withLast(http.NotFoundHandler())}
	a, b := running(t, s), running(t, s)
	require.Contains(t, talk(t, a, step{send: lastRequest}), "last")
	require.Contains(t, talk(t, b, step{send: lastRequest}), "last")
	require.NoError(t, s.Shutdown(context.Background()))
	_, err := net.Dial("tcp", a)
	require.Error(t, err)
	_, err = net.Dial("tcp", b)
	require.Error(t, err)
}

func TestTLS(t *testing.T) {
	cert, key := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto+" "+r.TLS.ServerName)
	})}
	served := make(chan error)
	go func() { served <- s.ServeTLS(l, cert, key) }()
	c := &http.Client{Transport: trusting(t, cert)}
	for range 2 {
		res, err := c.Get("https://" + strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1))
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, "HTTP/2.0 localhost", string(body))
	}
	c.CloseIdleConnections()
	s.Close()
	require.Equal(t, http.ErrServerClosed, <-served)
}

// A response whose head has left when EndKeepAlives is called cannot say that it is the last: the connection is kept for the next
// one, which does.
func TestEndKeepAlivesBehindTheHead(t *testing.T) {
	began, goOn := make(chan bool), make(chan bool)
	s := &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			w.(http.Flusher).Flush()
			began <- true
			<-goOn
		}
		io.WriteString(w, r.URL.Path)
	})}
	c, err := net.Dial("tcp", running(t, s))
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	ask := func(path string) { io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n") }
	answer := func() (body string, last bool) {
		resp, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(b), resp.Close
	}
	ask("/slow")
	<-began
	s.EndKeepAlives()
	close(goOn)
	body, last := answer()
	require.Equal(t, "/slow", body)
	require.False(t, last)
	ask("/next")
	body, last = answer()
	require.Equal(t, "/next", body)
	require.True(t, last)
	_, err = in.ReadByte()
	require.Equal(t, io.EOF, err)
}
