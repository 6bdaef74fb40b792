package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// nextLine takes a line out of the input inside a handler, waiting for it.
func nextLine(l *lines, t *transport.Turn) (string, error) {
	for {
		if line, rest, whole := bytes.Cut(t.In, []byte("\n")); whole {
			t.In = rest
			return string(line), nil
		}
		if err := l.Fill(t); err != nil {
			return "", err
		}
	}
}

// duplexHandlers: Runs that wait, and what goes on meanwhile.
func (s suite) duplexHandlers(t *testing.T) {
	t.Run("one that waits", func(t *testing.T) {
		entered, release := make(chan bool), make(chan bool)
		sv := s.lines(t, map[string]command{
			"!wait": func(*lines, *transport.Turn) string {
				entered <- true
				<-release
				return "waited"
			},
			"!leave": func(l *lines, t *transport.Turn) string {
				l.Leave(t)
				entered <- true
				<-release
				return "waited"
			},
		})
		other, _ := sv.open(t)
		for range 4 { // known routes, too
			for _, line := range []string{"!wait", "!leave"} {
				c, l := sv.open(t)
				before := l.lents.Load()
				c.send("before\n" + line + "\nbehind\n")
				await(t, entered, "the handler")
				c.expect("<before>\n") // was corked
				require.Greater(t, l.lents.Load(), before)
				sv.works(t, other)
				l.say("news\n")
				c.expect("news\n")
				c.send("later\n")
				sv.works(t, other)
				n := l.asked.Add(1)
				l.Notify()
				release <- true
				c.expect("waited\n<behind>\n<later>\n")
				require.NoError(t, l.await(n))
				sv.works(t, c)
			}
		}
	})
	t.Run("one that writes much while it is away", func(t *testing.T) {
		text := much()
		sv := s.lines(t, map[string]command{"!much": func(l *lines, t *transport.Turn) string {
			l.Leave(t)
			for rest := text; rest != ""; {
				n := min(len(rest), 100_000)
				l.say(rest[:n])
				rest = rest[n:]
			}
			return ""
		}})
		c, _ := sv.open(t)
		for range 2 {
			c.send("!much\nx\n")
			c.expect(text + "<x>\n")
		}
	})
	t.Run("one that reads", func(t *testing.T) {
		sv := s.lines(t, map[string]command{"!read": func(l *lines, t *transport.Turn) string {
			l.Leave(t)
			l.say("ready\n")
			line, err := nextLine(l, t)
			if err != nil {
				return err.Error()
			}
			return "read " + line
		}})
		other, _ := sv.open(t)
		c, l := sv.open(t)
		for range 20 {
			c.send("!read\nat hand\nbehind\n")
			c.expect("ready\nread at hand\n<behind>\n")
			c.send("!read\n")
			c.expect("ready\n")
			n := l.asked.Add(1)
			l.Notify() // is not what it waits for, and is not forgotten
			sv.works(t, other)
			c.send("to ")
			c.send("come\nbehind\n")
			c.expect("read to come\n<behind>\n")
			require.NoError(t, l.await(n))
		}
	})
	t.Run("deadlines", func(t *testing.T) {
		sv := s.lines(t, map[string]command{
			"!read": func(l *lines, t *transport.Turn) string {
				l.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				l.Notify()
				line, err := nextLine(l, t)
				l.SetReadDeadline(time.Time{})
				if errors.Is(err, os.ErrDeadlineExceeded) {
					return "deadline"
				}
				return fmt.Sprint(line, err)
			},
			"soon": func(l *lines, _ *transport.Turn) string {
				l.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				return "soon"
			},
			"!soon": func(l *lines, t *transport.Turn) string {
				l.Leave(t)
				l.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				return "soon"
			},
			"never": func(l *lines, _ *transport.Turn) string {
				l.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				l.SetReadDeadline(time.Time{})
				return "never"
			},
		})
		c, l := sv.open(t)
		for range 3 {
			c.send("!read\n")
			c.expect("deadline\n")
			c.send("soon\n")
			l.Notify() // does not use the deadline up
			c.expect("soon\nexpired\n")
			c.send("!soon\n")
			c.expect("soon\nexpired\n")
			c.send("never\n")
			c.expect("never\n")
		}
		time.Sleep(60 * time.Millisecond)
		require.EqualValues(t, 6, l.expired.Load())
		sv.works(t, c)
	})
	t.Run("one that is woken by Abort", func(t *testing.T) {
		result := make(chan error, 1)
		entered := make(chan bool, 1)
		sv := s.lines(t, map[string]command{"!read": func(l *lines, t *transport.Turn) string {
			entered <- true
			_, err := nextLine(l, t)
			result <- err
			return ""
		}})
		for range 3 {
			c, l := sv.open(t)
			c.send("!read\n")
			await(t, entered, "the handler")
			go l.whileOpen(l.Abort)
			require.ErrorIs(t, await(t, result, "Fill"), net.ErrClosed)
			await(t, l.closed, "the end")
			c.cut()
		}
	})
	t.Run("panic and Goexit", func(t *testing.T) {
		sv := s.lines(t, map[string]command{
			"!panic":       func(*lines, *transport.Turn) string { panic("ouch") },
			"!exit":        func(*lines, *transport.Turn) string { runtime.Goexit(); return "" },
			"!later/panic": func(*lines, *transport.Turn) string { time.Sleep(5 * time.Millisecond); panic("ouch") },
			"!later/exit":  func(*lines, *transport.Turn) string { time.Sleep(5 * time.Millisecond); runtime.Goexit(); return "" },
		})
		other, _ := sv.open(t)
		for range 3 {
			for name := range map[string]bool{"!panic": true, "!exit": true, "!later/panic": true, "!later/exit": true} {
				c, l := sv.open(t)
				c.send(name + "\nx\n")
				require.NotContains(t, c.cut(), "x")
				await(t, l.closed, "the end")
				sv.works(t, other)
			}
		}
	})
}
