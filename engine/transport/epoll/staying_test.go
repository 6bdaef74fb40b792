package epoll_test

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/epoll"
)

// onOneLoop serves exchanges on one loop and returns its address and runner.
func onOneLoop(t *testing.T, h exchanges) (addr string, runner *epoll.Runner) {
	t.Helper()
	l, addr := listen(t)
	es := &engine.Server{Loops: 1, Handler: h}
	made, served := make(chan struct{}), make(chan error, 1)
	go func() {
		served <- es.ServeOn(l, func(o transport.Options) (transport.Runner, error) {
			defer close(made)
			r, err := epoll.New(o)
			runner, _ = r.(*epoll.Runner)
			return r, err
		})
	}()
	await(t, made, "the runner")
	t.Cleanup(func() {
		es.Close()
		await(t, served, "Serve")
		await(t, runner.Done(), "the runner to end")
	})
	return addr, runner
}

func say(x *engine.Exchange, text string) {
	x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(text))+"\r\n\r\n"+text...))
}

func pathOf(x *engine.Exchange) string { return string(x.Head().Path.In(x.HeadBytes())) }

// goroutine names the one that it runs on.
func goroutine() string {
	var b [64]byte
	fields := bytes.Fields(b[:runtime.Stack(b[:], false)])
	return string(fields[1])
}

// TestStay: a handler that stays is left where it runs, and everybody else on the loop waits for it.
func TestStay(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		var inside, overlaps atomic.Int32
		entered := make(chan struct{}, 1)
		addr, runner := onOneLoop(t, func(x *engine.Exchange) {
			if pathOf(x) == "/stay" {
				x.Stay()
				x.Stay() // twice is once
				inside.Store(1)
				entered <- struct{}{}
				time.Sleep(20 * time.Millisecond) // many times what the monitor lets pass
				inside.Store(0)
			} else if inside.Load() != 0 {
				overlaps.Add(1)
			}
			say(x, pathOf(x))
		})
		c, other := dial(t, addr), dial(t, addr)
		for range 5 {
			c.send(get("/stay"))
			await(t, entered, "the handler")
			other.send(get("/other"))
			require.Equal(t, "/other", other.answer())
			require.Equal(t, "/stay", c.answer())
		}
		require.Zero(t, overlaps.Load())
		require.Zero(t, runner.Taken())
	})
}

// TestStayThenWait: what waits in the exchange gives the baton up, Stay or not.
func TestStayThenWait(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		var current atomic.Pointer[gate]
		addr, runner := onOneLoop(t, func(x *engine.Exchange) {
			x.Stay()
			switch pathOf(x) {
			case "/flush":
				x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndo"...))
				x.Flush()
				x.Stay() // too late
				current.Load().wait()
				x.SetOut(append(x.Out(), "ne"...))
			case "/body":
				var b [4]byte
				current.Load().entered <- struct{}{}
				n := 0
				for n < len(b) {
					k, err := x.ReadBody(b[n:])
					if n += k; err != nil {
						break
					}
				}
				say(x, string(b[:n]))
			default:
				say(x, "other")
			}
		})
		other := dial(t, addr)
		ask := func(n int) {
			t.Helper()
			for range n {
				other.send(get("/other"))
				require.Equal(t, "other", other.answer())
			}
		}
		for range 4 { // the first time, and when the route is known
			g := newGate(t)
			current.Store(g)
			c := dial(t, addr)
			c.send(get("/flush"))
			await(t, g.entered, "the handler")
			ask(20)
			g.release()
			require.Equal(t, "done", c.answer())

			c.send("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo")
			await(t, g.entered, "the handler")
			ask(20)
			c.send("dy")
			require.Equal(t, "body", c.answer())
			c.send(get("/other"))
			require.Equal(t, "other", c.answer())
		}
		require.Zero(t, runner.Taken())
	})
}

// TestStayAndExit: a staying handler ends by panic, or ends its goroutine, and the loop goes on.
func TestStayAndExit(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		addr, _ := onOneLoop(t, func(x *engine.Exchange) {
			x.Stay()
			switch pathOf(x) {
			case "/panic":
				panic("planned")
			case "/exit":
				runtime.Goexit()
			}
			say(x, "other")
		})
		other := dial(t, addr)
		for _, path := range []string{"/panic", "/exit", "/panic", "/exit"} {
			c := dial(t, addr)
			c.send(get(path))
			c.ends()
			other.send(get("/other"))
			require.Equal(t, "other", other.answer())
		}
	})
}

// TestLeave: the loop goes on at once, nobody has to take the baton, and the route is known from then on.
func TestLeave(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		var current atomic.Pointer[gate]
		addr, runner := onOneLoop(t, func(x *engine.Exchange) {
			began := goroutine()
			if strings.HasPrefix(pathOf(x), "/leave") {
				x.Leave()
				x.Leave()
				x.Stay() // has left: changes nothing
				current.Load().wait()
			}
			say(x, began)
		})
		other := dial(t, addr)
		for i := range 4 {
			g := newGate(t)
			current.Store(g)
			c := dial(t, addr)
			c.send(get("/here") + get("/leave") + get("/here"))
			await(t, g.entered, "the handler")
			here := c.answer() // does not wait for what stands behind it
			for range 20 {
				other.send(get("/other"))
				other.answer()
			}
			g.release()
			left := c.answer()
			if i == 0 {
				require.Equal(t, here, left, "it began on the loop")
			} else {
				require.NotEqual(t, here, left, "a known route began on the loop")
			}
			c.answer()
		}
		require.Zero(t, runner.Taken())
	})
}

// TestFloodTakesTurns: a connection that has much asked for at once, and takes it all, is not answered to the end before others
// are answered at all.
func TestFloodTakesTurns(t *testing.T) {
	const size, requests = 128 << 10, 300
	var flooded, before atomic.Int32
	large := strings.Repeat("x", size)
	entered, release := make(chan struct{}), make(chan struct{})
	addr, _ := onOneLoop(t, func(x *engine.Exchange) {
		x.Stay()
		switch pathOf(x) {
		case "/hold":
			close(entered)
			<-release
		case "/large":
			flooded.Add(1)
			say(x, large)
			return
		case "/small":
			before.Store(flooded.Load())
		}
		say(x, "")
	})
	hold, flood, small := dial(t, addr), dial(t, addr), dial(t, addr)
	hold.send(get("/hold"))
	await(t, entered, "the handler")
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		for range requests {
			if _, err := flood.tryAnswer(); err != nil {
				return
			}
		}
	}()
	flood.send(strings.Repeat(get("/large"), requests)) // all of it is read at once
	small.send(get("/small"))
	close(release)
	require.Empty(t, small.answer())
	await(t, taken, "the answers")
	require.EqualValues(t, requests, flooded.Load())
	require.Less(t, before.Load(), int32(2<<20/size+1))
}
