package epoll_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/epoll"
)

// gate is where handlers wait. Whoever waits at the end of the test is let through.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{entered: make(chan struct{}, 1000), open: make(chan struct{})}
	t.Cleanup(g.release)
	return g
}

func (g *gate) release() {
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

func (g *gate) wait() {
	g.entered <- struct{}{}
	<-g.open
}

// TestBlockedHandler: while a handler waits, in one way or another, the loop's other connections are served.
// Each time twice: first the baton is taken or given up, then the route is known.
func TestBlockedHandler(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		ways := map[string]func(g *gate, w http.ResponseWriter, r *http.Request){
			"channel": func(g *gate, w http.ResponseWriter, r *http.Request) {
				g.wait()
				io.WriteString(w, "done")
			},
			"spin": func(g *gate, w http.ResponseWriter, r *http.Request) {
				g.entered <- struct{}{}
				for spins := 0; ; spins++ {
					select {
					case <-g.open:
						io.WriteString(w, "done")
						return
					default:
					}
				}
			},
			"after output": func(g *gate, w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "do")
				g.wait()
				io.WriteString(w, "ne")
			},
			"after flush": func(g *gate, w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "do")
				w.(http.Flusher).Flush()
				g.wait()
				io.WriteString(w, "ne")
			},
		}
		for name, way := range ways {
			t.Run(name, func(t *testing.T) {
				var current atomic.Pointer[gate]
				s := serve(t, map[string]http.HandlerFunc{"/blocked": func(w http.ResponseWriter, r *http.Request) {
					way(current.Load(), w, r)
				}})
				other := s.dial(t)
				other.served(1)
				for range 3 {
					g := newGate(t)
					current.Store(g)
					blocked := s.dial(t)
					blocked.send(get("/blocked"))
					await(t, g.entered, "the handler")
					other.served(20)
					s.dial(t).served(2)
					g.release()
					require.Equal(t, "done", blocked.answer())
					blocked.served(2)
				}
			})
		}
	})
}

// TestNeverReturns: handlers that never return cost a goroutine each, and nobody else anything. Every one of them has a
// route of its own, so that the baton has to be taken each time, until as many large buffers are out as may be.
func TestNeverReturns(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		gone := baseline(t)
		g := newGate(t)
		s := serve(t, map[string]http.HandlerFunc{"/never/": func(http.ResponseWriter, *http.Request) { g.wait() }})
		other := s.dial(t)
		other.served(1)
		const many = 100 // more than there are large buffers to lend
		for i := range many {
			s.dial(t).send(get("/never/" + strings.Repeat("a", i/20) + strings.Repeat("b", i%20)))
		}
		for range many {
			await(t, g.entered, "the handler")
		}
		other.served(50)
		require.NoError(t, s.Close())
		require.Equal(t, http.ErrServerClosed, await(t, s.err, "Serve"))
		g.release()
		gone()
	})
}

// TestCallsItself: a handler asks its own server, on the loop that it runs on.
func TestCallsItself(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		ask := func(r *http.Request, path string) string {
			addr := r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()
			resp, err := (&http.Client{Transport: transport, Timeout: patience}).Get("http://" + addr + path)
			if err != nil {
				return err.Error()
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			return string(b)
		}
		s := serve(t, map[string]http.HandlerFunc{
			"/twice": func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, ask(r, "/fast?a")+", "+ask(r, "/fast?b"))
			},
			"/deep": func(w http.ResponseWriter, r *http.Request) { // n levels
				if q := r.URL.RawQuery; q != "" {
					io.WriteString(w, "<"+ask(r, "/deep?"+q[1:])+">")
				}
			},
		})
		c, other := s.dial(t), s.dial(t)
		for range 5 {
			c.send(get("/twice"))
			other.served(5)
			require.Equal(t, "fast a, fast b", c.answer())
			c.send(get("/deep?xxxxx"))
			require.Equal(t, "<<<<<>>>>>", c.answer())
		}
	})
}

// TestPanics: a panic cuts its own connection.
func TestPanics(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		s := serve(t, map[string]http.HandlerFunc{
			"/at/once":      func(http.ResponseWriter, *http.Request) { panic("at once") },
			"/quietly":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"/after/a/time": func(http.ResponseWriter, *http.Request) { time.Sleep(5 * time.Millisecond); panic("late") },
			"/after/output": func(w http.ResponseWriter, r *http.Request) {
				w.Write(make([]byte, 1<<20))
				panic("after output")
			},
		})
		other := s.dial(t)
		for _, path := range []string{"/at/once", "/quietly", "/after/a/time", "/after/output"} {
			for range 3 {
				c := s.dial(t)
				c.send(get(path))
				other.served(3)
				if got := c.ends(); path != "/after/output" {
					require.Empty(t, got)
				}
			}
			other.served(3)
		}
		require.Contains(t, s.logged(), "at once")
		require.NotContains(t, s.logged(), "abort")
	})
}

// TestGoexit: a handler ends its goroutine, which may be the one that holds the loop.
func TestGoexit(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		gone := baseline(t)
		s := serve(t, map[string]http.HandlerFunc{
			"/at/once":      func(http.ResponseWriter, *http.Request) { runtime.Goexit() },
			"/after/a/time": func(http.ResponseWriter, *http.Request) { time.Sleep(5 * time.Millisecond); runtime.Goexit() },
			"/after/output": func(w http.ResponseWriter, r *http.Request) {
				w.Write(make([]byte, 100))
				w.(http.Flusher).Flush()
				runtime.Goexit()
			},
			"/with/body": func(w http.ResponseWriter, r *http.Request) {
				io.ReadAll(r.Body)
				runtime.Goexit()
			},
		})
		other := s.dial(t)
		other.served(1)
		for _, path := range []string{"/at/once", "/after/a/time", "/after/output", "/with/body"} {
			for range 4 {
				c := s.dial(t)
				c.send("POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
				other.served(3)
				io.WriteString(c, "cd") // the connection may have ended
				c.ends()
				// Finished answers before it, and requests behind it.
				c = s.dial(t)
				c.send(get("/fast?1") + get(path) + get("/fast?2"))
				other.served(3)
				c.ends()
			}
		}
		other.served(3)
		require.NoError(t, s.Close())
		await(t, s.err, "Serve")
		gone()
	})
}

// TestGoexitAfterHijack: what the handler has taken is its own, also when it ends its goroutine.
func TestGoexitAfterHijack(t *testing.T) {
	for _, hooked := range []bool{false, true} {
		t.Run(fmt.Sprintf("hooked %v", hooked), func(t *testing.T) {
			taken := make(chan net.Conn, 1)
			server := &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/fast" {
					fast(w, r)
					return
				}
				nc, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					taken <- nc
				}
				runtime.Goexit()
			})}
			if hooked {
				server.ConnState = func(net.Conn, http.ConnState) {}
			}
			s := start(t, server)
			other := s.dial(t)
			other.served(1)
			for range 3 {
				c := s.dial(t)
				c.send(get("/hijack"))
				nc := await(t, taken, "the connection")
				s.dial(t).served(1) // takes the number of the descriptor, if it is free
				other.served(20)    // the handler's goroutine has ended
				_, err := io.WriteString(nc, "mine")
				require.NoError(t, err)
				require.NoError(t, nc.Close())
				require.Equal(t, "mine", c.ends())
			}
			other.served(1)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			require.NoError(t, s.Shutdown(ctx))
			require.Empty(t, other.ends())
		})
	}
}

// TestSlowBody: the body comes while others are served.
func TestSlowBody(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		began := make(chan struct{}, 10)
		s := serve(t, map[string]http.HandlerFunc{"/body": func(w http.ResponseWriter, r *http.Request) {
			began <- struct{}{}
			b, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %v", b, err)
		}})
		other := s.dial(t)
		other.served(1)
		for range 4 {
			c := s.dial(t)
			c.send("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n")
			await(t, began, "the handler")
			for i := range 10 {
				other.served(3)
				c.send(string(rune('0' + i)))
			}
			require.Equal(t, "0123456789 <nil>", c.answer())
			c.served(2)
		}
	})
}

// TestDeafPeer: a handler writes to somebody who does not read.
func TestDeafPeer(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		const size, pieces = 64 << 10, 256 // 16 MiB, more than any socket takes
		var done atomic.Bool
		began := make(chan struct{}, 10)
		s := serve(t, map[string]http.HandlerFunc{"/flood": func(w http.ResponseWriter, r *http.Request) {
			began <- struct{}{}
			for i := range pieces {
				if _, err := io.WriteString(w, strings.Repeat(string(rune('A'+i%26)), size)); err != nil {
					return
				}
			}
			done.Store(true)
		}})
		other := s.dial(t)
		other.served(1)
		for range 3 {
			done.Store(false)
			c := s.dial(t)
			c.send(get("/flood"))
			await(t, began, "the handler")
			other.served(30)
			require.False(t, done.Load(), "the peer has not read")
			body := c.answer()
			require.Len(t, body, size*pieces)
			for i := range pieces {
				require.Equal(t, size, strings.Count(body[i*size:(i+1)*size], string(rune('A'+i%26))), "piece %d", i)
			}
			require.True(t, done.Load())
			c.served(1)
		}
		// One that leaves without having read anything.
		c := s.dial(t)
		c.send(get("/flood"))
		await(t, began, "the handler")
		c.SetLinger(0)
		c.Close()
		other.served(10)
	})
}

// TestPipelined: an answer does not wait for the next request's handler.
func TestPipelined(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		var current atomic.Pointer[gate]
		s := serve(t, map[string]http.HandlerFunc{"/blocked": func(w http.ResponseWriter, r *http.Request) {
			current.Load().wait()
			io.WriteString(w, "blocked")
		}})
		c := s.dial(t)
		for range 3 {
			g := newGate(t)
			current.Store(g)
			c.send(get("/fast?1") + get("/fast?2") + get("/blocked") + get("/fast?3") + get("/blocked") + get("/fast?4"))
			await(t, g.entered, "the handler")
			require.Equal(t, "fast 1", c.answer())
			require.Equal(t, "fast 2", c.answer())
			g.release()
			for _, want := range []string{"blocked", "fast 3", "blocked", "fast 4"} {
				require.Equal(t, want, c.answer())
			}
		}
	})
}

type exchanges func(x *engine.Exchange)

func (h exchanges) ServeExchange(x *engine.Exchange) { h(x) }

// TestLearnedRoute: the loop is stalled by a slow route once, and then no more.
func TestLearnedRoute(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		slow := func() { time.Sleep(5 * time.Millisecond) }
		var runner *epoll.Runner
		es := &engine.Server{Loops: 1, Handler: exchanges(func(x *engine.Exchange) {
			slow()
			x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow"...))
		})}
		l, addr := listen(t)
		made := make(chan struct{})
		go es.ServeOn(l, func(o transport.Options) (transport.Runner, error) {
			defer close(made)
			r, err := epoll.New(o)
			runner, _ = r.(*epoll.Runner)
			return r, err
		})
		await(t, made, "the runner")
		defer es.Close()

		c := dial(t, addr)
		for runner.Taken() == 0 {
			c.send(get("/users/1"))
			require.Equal(t, "slow", c.answer())
		}
		taken := runner.Taken()
		for i := range 60 {
			c.send(get(fmt.Sprintf("/users/%d?x=%d", i, i)))
			require.Equal(t, "slow", c.answer())
		}
		require.Equal(t, taken, runner.Taken(), "a known route started on the loop")

		// Another route is not known for it.
		for runner.Taken() == taken {
			c.send(get("/users/me"))
			require.Equal(t, "slow", c.answer())
		}
	})
}
