package epoll_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// TestDisconnectCancels: a client that leaves cancels its handler's context, whether the handler lost the baton or
// began on its own goroutine.
func TestDisconnectCancels(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		began, ended := make(chan struct{}, 10), make(chan error, 10)
		s := serve(t, map[string]http.HandlerFunc{
			"/wait": func(w http.ResponseWriter, r *http.Request) {
				began <- struct{}{}
				<-r.Context().Done()
				ended <- r.Context().Err()
			},
			"/wait/with/body": func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				began <- struct{}{}
				<-r.Context().Done()
				ended <- r.Context().Err()
			},
		})
		other := s.dial(t)
		for _, leave := range []func(c *client){
			func(c *client) { c.Close() },
			func(c *client) { c.SetLinger(0); c.Close() },
		} {
			for range 3 {
				for _, request := range []string{get("/wait"),
					"POST /wait/with/body HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"} {
					c := s.dial(t)
					c.send(request)
					await(t, began, "the handler")
					other.served(2)
					require.Empty(t, ended)
					leave(c)
					require.Equal(t, context.Canceled, await(t, ended, "the cancellation"))
				}
			}
		}
		other.served(2)
	})
}

// TestHalfClosed: a client that has ended its side still gets its answers.
func TestHalfClosed(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		s := serve(t, map[string]http.HandlerFunc{
			"/late": func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done() // as with net/http, the end of the stream cancels
				io.WriteString(w, "late")
			},
			"/large": func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, strings.Repeat("x", 8<<20))
			},
			"/sleep": func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(5 * time.Millisecond)
				io.WriteString(w, "slept")
			},
		})
		for range 3 {
			for path, want := range map[string]string{"/fast?x": "fast x", "/late": "late", "/sleep": "slept",
				"/large": strings.Repeat("x", 8<<20)} {
				c := s.dial(t)
				c.send(get(path))
				require.NoError(t, c.CloseWrite())
				require.True(t, want == c.answer(), path)
				require.Empty(t, c.ends())
			}
			c := s.dial(t)
			c.send(get("/fast?1") + get("/sleep") + get("/fast?2"))
			require.NoError(t, c.CloseWrite())
			for _, want := range []string{"fast 1", "slept", "fast 2"} {
				require.Equal(t, want, c.answer())
			}
			require.Empty(t, c.ends())
		}
	})
}

// TestShutdownUnderLoad: every request whose handler has begun is answered whole, and every goroutine ends.
func TestShutdownUnderLoad(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		for range 5 {
			shutdownUnderLoad(t)
		}
	})
}

func shutdownUnderLoad(t *testing.T) {
	gone := baseline(t)
	var accepted, answered sync.Map
	handle := func(pause time.Duration, size int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			id := r.URL.RawQuery
			accepted.Store(id, true)
			time.Sleep(pause)
			fmt.Fprintf(w, "%s %s", id, strings.Repeat("x", size))
		}
	}
	s := serve(t, map[string]http.HandlerFunc{
		"/short": handle(0, 10), "/sleepy": handle(3*time.Millisecond, 10), "/large": handle(0, 300<<10),
	})

	var enough atomic.Int32
	var clients sync.WaitGroup
	begun := make(chan struct{})
	for g := range 24 {
		clients.Go(func() {
			path := [...]string{"/short", "/sleepy", "/large", "/short"}[g%4]
			fresh := g%8 >= 4 // a new connection for each request
			for i := 0; ; {
				c, err := net.Dial("tcp", s.addr)
				if err != nil {
					return
				}
				c.SetDeadline(time.Now().Add(patience))
				cl := &client{TCPConn: c.(*net.TCPConn), t: t, r: reader(c)}
				for {
					id := fmt.Sprintf("%d-%d", g, i)
					i++
					_, err := io.WriteString(c, get(path+"?"+id))
					if err != nil {
						break
					}
					body, err := cl.tryAnswer()
					if err != nil {
						break
					}
					if strings.HasPrefix(body, id+" ") {
						answered.Store(id, true)
					}
					if enough.Add(1) == 300 {
						close(begun)
					}
					if fresh {
						break
					}
				}
				c.Close()
			}
		})
	}
	await(t, begun, "the load")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, s.Shutdown(ctx))
	require.Equal(t, http.ErrServerClosed, await(t, s.err, "Serve"))
	clients.Wait()
	n := 0
	accepted.Range(func(id, _ any) bool {
		n++
		_, ok := answered.Load(id)
		require.True(t, ok, "request %v was accepted and lost", id)
		return true
	})
	require.GreaterOrEqual(t, n, 300)
	gone()
}

// TestDrainLooksOnce: a request that has come to the kernel before a drain reaches the loop is answered: on a connection
// that waits, on one that is being answered, and behind the last answer of one it destroys nothing.
func TestDrainLooksOnce(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		gone := baseline(t)
		entered, release := make(chan struct{}), make(chan struct{})
		l, addr := listen(t)
		es := &engine.Server{Loops: 1, Transport: "epoll", Handler: exchanges(func(x *engine.Exchange) {
			if pathOf(x) != "/" {
				x.Stay() // the loop hears of nothing meanwhile
				entered <- struct{}{}
				<-release
			}
			if pathOf(x) == "/last" {
				x.SetClose(false)
			}
			say(x, pathOf(x))
		})}
		served := make(chan error, 1)
		go func() { served <- es.Serve(l) }()
		held, last, idle, silent := dial(t, addr), dial(t, addr), dial(t, addr), dial(t, addr)
		for _, c := range []*client{held, last, idle, silent} {
			c.send(get("/"))
			require.Equal(t, "/", c.answer())
		}
		held.send(get("/held"))
		await(t, entered, "the handler")
		idle.send(get("/") + "GE")
		held.send(get("/"))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.Equal(t, context.Canceled, es.Shutdown(ctx)) // the order waits at the loop
		last.send(get("/last"))
		release <- struct{}{}
		await(t, entered, "the handler")
		last.send(get("/"))
		release <- struct{}{}
		require.Equal(t, "/held", held.answer())
		require.Equal(t, "/", held.answer())
		require.Empty(t, held.ends())
		require.Equal(t, "/", idle.answer())
		idle.send("T / HTTP/1.1\r\nHost: h\r\n\r\n")
		require.Equal(t, "/", idle.answer())
		require.Empty(t, idle.ends())
		require.Equal(t, "/last", last.answer())
		_, err := last.r.ReadByte()
		require.Equal(t, io.EOF, err, "not a reset")
		require.NoError(t, last.Close())
		_, err = silent.r.ReadByte()
		require.Equal(t, io.EOF, err)
		require.NoError(t, es.Shutdown(context.Background()))
		require.Equal(t, transport.ErrStopped, await(t, served, "Serve"))
		gone()
	})
}

// TestCloseWhileHandlersRun: Close waits for none of them, cuts all their connections and cancels their contexts.
func TestCloseWhileHandlersRun(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		gone := baseline(t)
		g := newGate(t)
		cancelled := make(chan struct{}, 100)
		errs := make(chan error, 100)
		s := serve(t, map[string]http.HandlerFunc{
			"/block": func(w http.ResponseWriter, r *http.Request) {
				g.wait()
				io.WriteString(w, "too late")
			},
			"/context": func(w http.ResponseWriter, r *http.Request) {
				g.entered <- struct{}{}
				<-r.Context().Done()
				cancelled <- struct{}{}
			},
			"/write": func(w http.ResponseWriter, r *http.Request) {
				g.entered <- struct{}{}
				for {
					if _, err := w.Write(make([]byte, 64<<10)); err != nil {
						errs <- err
						return
					}
				}
			},
			"/read": func(w http.ResponseWriter, r *http.Request) {
				g.entered <- struct{}{}
				_, err := io.ReadAll(r.Body)
				errs <- err
			},
		})
		var clients []*client
		const each = 4
		for range each {
			for _, path := range []string{"/block", "/context", "/write", "/read"} {
				c := s.dial(t)
				c.send("POST " + path + " HTTP/1.1\r\nHost: h\r\n")
				if path == "/read" {
					c.send("Content-Length: 5\r\n")
				}
				c.send("\r\n")
				clients = append(clients, c)
				await(t, g.entered, path)
			}
		}
		idle := s.dial(t)
		idle.served(1)
		clients = append(clients, idle)

		require.NoError(t, s.Close())
		require.Equal(t, http.ErrServerClosed, await(t, s.err, "Serve"))
		for range each {
			await(t, cancelled, "a cancellation")
			require.Error(t, await(t, errs, "an error"))
			require.Error(t, await(t, errs, "an error"))
		}
		for _, c := range clients {
			require.NotContains(t, c.ends(), "too late") // before the handlers are released
		}
		g.release()
		gone()
	})
}

// TestListenerClosed: a listener that somebody else closes ends Serve, and no connection.
func TestListenerClosed(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		gone := baseline(t)
		g := newGate(t)
		s := serve(t, map[string]http.HandlerFunc{"/blocked": func(w http.ResponseWriter, r *http.Request) {
			g.wait()
			io.WriteString(w, "done")
		}})
		c, blocked := s.dial(t), s.dial(t)
		c.served(1)
		blocked.send(get("/blocked"))
		await(t, g.entered, "the handler")
		require.NoError(t, s.l.Close())
		require.ErrorIs(t, await(t, s.err, "Serve"), net.ErrClosed)
		_, err := net.Dial("tcp", s.addr)
		require.Error(t, err)
		c.served(10)
		g.release()
		require.Equal(t, "done", blocked.answer())
		blocked.served(1)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		require.Empty(t, c.ends())
		gone()
	})
}

// TestHookClosesListener: a hook that is told of a new connection wants no more of them.
func TestHookClosesListener(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		gone := baseline(t)
		l, addr := listen(t)
		hs := &nethttp.Server{Handler: http.HandlerFunc(fast), Transport: "epoll", ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				l.Close()
			}
		}}
		waiting := dial(t, addr) // in the queue, so that both are accepted at once
		first := dial(t, addr)
		served := make(chan error, 1)
		go func() { served <- hs.Serve(l) }()
		require.ErrorIs(t, await(t, served, "Serve"), net.ErrClosed)
		waiting.served(2)
		first.send(get("/fast")) // it has come in time or not
		first.tryAnswer()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, hs.Shutdown(ctx))
		require.Empty(t, waiting.ends())
		gone()
	})
}

// TestHookClosesInShutdown: also a connection that a hook closes while the server waits for it.
func TestHookClosesInShutdown(t *testing.T) {
	gone := baseline(t)
	opened := make(chan struct{}, 1)
	s := start(t, &nethttp.Server{Handler: http.HandlerFunc(fast), ConnState: func(c net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			opened <- struct{}{}
		case http.StateActive:
			c.Close()
		}
	}})
	c := s.dial(t)
	await(t, opened, "the connection")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(ctx) }()
	require.Equal(t, http.ErrServerClosed, await(t, s.err, "Serve"))
	c.send("GE")
	require.NoError(t, <-ended)
	require.Empty(t, c.ends())
	gone()
}

// hooked serves with a ConnState hook that closes every other connection when it reaches a state.
func hooked(t *testing.T, when http.ConnState) *server {
	return start(t, &nethttp.Server{Handler: http.HandlerFunc(fast), Loops: 2,
		ConnState: func(c net.Conn, s http.ConnState) {
			if s == when && doomed(c.RemoteAddr()) {
				c.Close()
			}
		}})
}

// doomed tells from the client's address, which both sides know. (Linux gives connect even ports.)
func doomed(client net.Addr) bool { return client.(*net.TCPAddr).Port/2%2 == 1 }

// TestHookCloses: a hook closes some connections, whose descriptors' numbers are used anew at once. The others are none the wiser.
func TestHookCloses(t *testing.T) {
	for _, when := range []http.ConnState{http.StateNew, http.StateActive, http.StateIdle} {
		t.Run(when.String(), func(t *testing.T) {
			onProcs(t, func(t *testing.T) {
				gone := baseline(t)
				s := hooked(t, when)
				var wait sync.WaitGroup
				failures := make(chan string, 1000)
				for g := range 8 {
					wait.Go(func() {
						for i := range 40 {
							if err := hookedClient(s.addr, when, fmt.Sprintf("%d-%d", g, i)); err != nil {
								failures <- err.Error()
							}
						}
					})
				}
				wait.Wait()
				close(failures)
				for failure := range failures {
					require.Fail(t, failure)
				}
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				require.NoError(t, s.Shutdown(ctx), "connections are left")
				gone()
			})
		})
	}
}

// hookedClient makes three requests on a new connection. It says what is wrong with the answers.
func hookedClient(addr string, when http.ConnState, id string) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	c := &client{TCPConn: nc.(*net.TCPConn), r: reader(nc)}
	answers := 3
	if doomed(nc.LocalAddr()) {
		answers = 0
		if when == http.StateIdle {
			answers = 1 // the response is complete when the state is told
		}
	}
	for i := range 3 {
		q := fmt.Sprintf("%s-%d", id, i)
		_, err := io.WriteString(nc, get("/?"+q))
		var body string
		if err == nil {
			body, err = c.tryAnswer()
		}
		switch {
		case i < answers && err != nil:
			return fmt.Errorf("answer %s: %w", q, err)
		case i < answers && body != "fast "+q:
			return fmt.Errorf("answer %s: %q", q, body)
		case i >= answers && err == nil:
			return fmt.Errorf("an answer on a closed connection: %q", body)
		case i >= answers:
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				return fmt.Errorf("the connection stays open: %s", q)
			}
			return nil
		}
	}
	return nil
}
