package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// duplex: connections that go over to a protocol whose messages come from any goroutine, with one P and with two.
func (s suite) duplex(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("GOMAXPROCS=%d", n), func(t *testing.T) {
			old := runtime.GOMAXPROCS(n)
			t.Cleanup(func() { runtime.GOMAXPROCS(old) })
			t.Run("input", s.duplexInput)
			t.Run("output", s.duplexOutput)
			t.Run("notify", s.duplexNotify)
			t.Run("post", s.duplexPost)
			t.Run("handlers", s.duplexHandlers)
			t.Run("drain", s.duplexDrain)
			t.Run("endings", s.duplexEndings)
			t.Run("stale", s.duplexStale)
		})
	}
}

const (
	upgrade   = "GET /lines HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n"
)

// linesServer is a server whose /lines… is an upgrade to the protocol of lines; it echoes requests for other paths.
type linesServer struct {
	*server
	opened atomic.Int64
	mu     sync.Mutex
	all    []*lines
}

// lines starts one. Its lines answer with what on says.
func (s suite) lines(t *testing.T, on map[string]command) *linesServer {
	t.Helper()
	sv := new(linesServer)
	t.Cleanup(func() { // when the server has ended
		require.EqualValues(t, len(sv.all), sv.Counters().Upgraded)
		for _, l := range sv.all {
			await(t, l.closed, "Closed")
			require.Empty(t, l.faults)
		}
	})
	sv.server = s.serve(t, sv.serve(t, on, nil))
	return sv
}

// serve is the handler; before runs in it before an upgrade.
func (sv *linesServer) serve(t *testing.T, on map[string]command, before func()) handler {
	return func(x *engine.Exchange) {
		if !strings.HasPrefix(path(x), "/lines") {
			echo(x)
			return
		}
		if before != nil {
			before()
		}
		x.SetOut(append(x.Out(), switching...))
		err := x.Upgrade(func(c transport.Conn) transport.Protocol {
			l := newLines(c, on)
			l.token = path(x)
			sv.mu.Lock()
			sv.all = append(sv.all, l)
			sv.mu.Unlock()
			return l
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// open dials and upgrades.
func (sv *linesServer) open(t *testing.T) (*client, *lines) {
	t.Helper()
	token := fmt.Sprint("/lines/", sv.opened.Add(1))
	c := sv.dial(t)
	c.send(strings.Replace(upgrade, "/lines", token, 1))
	c.expect(switching)
	l := sv.find(token)
	eventually(t, "the first Run", func() bool { return l.state(func() bool { return l.declare }) })
	return c, l
}

// find returns the lines that were asked for with that path.
func (sv *linesServer) find(token string) *lines {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	for _, l := range sv.all {
		if l.token == token {
			return l
		}
	}
	return nil
}

// works makes sure that requests and lines are answered.
func (sv *linesServer) works(t *testing.T, others ...*client) {
	t.Helper()
	for _, c := range others {
		for range 10 {
			c.send("ping\n")
			c.expect("<ping>\n")
		}
	}
	c := sv.dial(t)
	for range 10 {
		c.send(get)
		c.expect(answer("/ "))
	}
	c.Close()
}

func (s suite) duplexInput(t *testing.T) {
	t.Run("cut at every byte", func(t *testing.T) {
		sv := s.lines(t, nil)
		head := get + upgrade
		in := head + "one\n\ntwo\nthree\n"
		for cut := 1; cut < len(in); cut++ {
			c := sv.dial(t)
			c.send(in[:cut])
			if cut >= len(head) {
				c.expect(answer("/ ") + switching)
				c.expect(echoed(in[len(head):cut]))
				c.send(in[cut:])
				c.expect(echoed(in[len(head):])[len(echoed(in[len(head):cut])):])
			} else {
				time.Sleep(200 * time.Microsecond)
				c.send(in[cut:])
				c.expect(answer("/ ") + switching + echoed(in[len(head):]))
			}
			c.closeWrite()
			require.Empty(t, c.rest())
		}
	})
	t.Run("many lines behind the head", func(t *testing.T) {
		sv := s.lines(t, nil)
		c := sv.dial(t)
		var in strings.Builder
		for i := range 10_000 {
			fmt.Fprintln(&in, i)
		}
		go c.Write([]byte(upgrade + in.String()))
		c.expect(switching + echoed(in.String()))
	})
	t.Run("the end behind the head", func(t *testing.T) {
		sv := s.lines(t, nil)
		c := sv.dial(t)
		c.send(upgrade + "a\nb")
		c.closeWrite()
		require.Equal(t, switching+"<a>\n", c.rest())
	})
	t.Run("a body must be read", func(t *testing.T) {
		sv := s.serve(t, func(x *engine.Exchange) {
			err := x.Upgrade(func(transport.Conn) transport.Protocol { panic("opened") })
			reply(x, err.Error())
		})
		c := sv.dial(t)
		c.send(post("hello") + post("hello"))
		c.expect(answer(engine.ErrBody.Error()) + answer(engine.ErrBody.Error()))
		require.Zero(t, sv.Counters().Upgraded)
	})
}

// echoed is what lines answers to in, without what is behind the last line.
func echoed(in string) string {
	var out strings.Builder
	for line := range strings.Lines(in) {
		if rest, whole := strings.CutSuffix(line, "\n"); whole {
			fmt.Fprintf(&out, "<%s>\n", rest)
		}
	}
	return out.String()
}

func (s suite) duplexNotify(t *testing.T) {
	t.Run("none is lost", func(t *testing.T) {
		sv := s.lines(t, map[string]command{
			"!wait": func(l *lines, t *transport.Turn) string {
				time.Sleep(5 * time.Millisecond) // long enough to lose the loop
				return "waited"
			},
		})
		c, l := sv.open(t)
		stop := make(chan error, 1)
		results := make(chan error, 4)
		for range cap(results) {
			go func() {
				for range 300 {
					if err := l.calledAfter(l.asked.Add(1)); err != nil {
						results <- err
						return
					}
				}
				results <- nil
			}()
		}
		go func() {
			var failed error
			for range cap(results) {
				failed = errors.Join(failed, <-results)
			}
			stop <- failed
		}()
		for { // meanwhile there is input, and handlers are away
			select {
			case err := <-stop:
				require.NoError(t, err)
				return
			default:
			}
			c.send("a\n!wait\nb\n")
			c.expect("<a>\nwaited\n<b>\n")
		}
	})
	t.Run("from the session and from a handler", func(t *testing.T) {
		self := make(chan error, 1)
		sv := s.lines(t, map[string]command{
			"call": func(l *lines, _ *transport.Turn) string {
				n := l.asked.Add(1)
				l.Notify()
				go func() { self <- l.await(n) }()
				return "called"
			},
			"!call": func(l *lines, _ *transport.Turn) string {
				n := l.asked.Add(1)
				l.Notify()
				time.Sleep(5 * time.Millisecond)
				go func() { self <- l.await(n) }()
				return "called"
			},
		})
		c, _ := sv.open(t)
		for range 20 {
			for _, line := range []string{"call", "!call"} {
				c.send(line + "\n")
				c.expect("called\n")
				require.NoError(t, <-self)
				c.send("x\n")
				c.expect("<x>\n")
			}
		}
	})
	t.Run("input is not lost behind it", func(t *testing.T) {
		sv := s.lines(t, nil)
		c, l := sv.open(t)
		for range 500 {
			go l.whileOpen(l.Notify)
			c.send("a\n")
			c.expect("<a>\n")
		}
	})
}

func (s suite) duplexPost(t *testing.T) {
	sv := s.lines(t, nil)
	var all []*lines
	loops := make(map[transport.Loop][]*lines)
	var clients []*client
	for range 20 {
		c, l := sv.open(t)
		clients, all = append(clients, c), append(all, l)
		require.Equal(t, l.Loop(), l.Loop())
		loops[l.Loop()] = append(loops[l.Loop()], l)
	}
	require.LessOrEqual(t, len(loops), runtime.GOMAXPROCS(0))
	for i := range 50 {
		for loop, members := range loops {
			ran := make(chan struct{})
			go loop.Post(func() {
				for _, l := range members {
					l.say(fmt.Sprintln(i))
				}
				close(ran)
			})
			await(t, ran, "what was posted")
		}
		for _, c := range clients {
			c.expect(fmt.Sprintln(i))
		}
	}
	require.NoError(t, sv.Close())
	await(t, sv.runner.Done(), "the runner")
	for _, l := range all {
		l.Loop().Post(func() {})
	}
}
