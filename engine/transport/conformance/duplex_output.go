package conformance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

func (s suite) duplexOutput(t *testing.T) {
	t.Run("a peer that does not read for a while", func(t *testing.T) {
		sv := s.lines(t, nil)
		other, _ := sv.open(t)
		c, l := sv.open(t)
		text := much()
		for rest := text; rest != ""; {
			n := min(len(rest), 300_000)
			require.True(t, l.say(rest[:n]))
			rest = rest[n:]
		}
		eventually(t, "the socket to be full", func() bool { return l.state(func() bool { return l.full }) })
		sv.works(t, other)
		c.expect(text)
		sv.works(t, c)
	})
	t.Run("a peer that sends and does not read", func(t *testing.T) {
		sv := s.lines(t, nil)
		c, l := sv.open(t)
		line := strings.Repeat("x", 1000)
		in := strings.Repeat(line+"\n", 16<<10)
		go io.WriteString(c.Conn, in)
		eventually(t, "a pause", func() bool { return l.state(func() bool { return l.paused }) })
		out := "<" + line + ">\n"
		for range 16 << 10 {
			c.expect(out)
		}
		require.True(t, l.state(func() bool { return l.most < 8*linesHigh }))
		sv.works(t, c)
	})
	t.Run("input that comes in a pause", func(t *testing.T) {
		sv := s.lines(t, map[string]command{"much": func(*lines, *transport.Turn) string { return much() }})
		c, l := sv.open(t)
		c.send("much\n")
		eventually(t, "a pause", func() bool { return l.state(func() bool { return l.paused }) })
		c.send("x\n")
		c.expect(much() + "\n<x>\n")
	})
	t.Run("a pause ends with the read deadline", func(t *testing.T) {
		sv := s.lines(t, map[string]command{"soon": func(l *lines, _ *transport.Turn) string {
			l.SetReadDeadline(time.Now().Add(short / 5))
			return much()
		}})
		c, l := sv.open(t)
		c.send("soon\n")
		await(t, l.closed, "the end")
		require.EqualValues(t, 1, l.expired.Load())
	})
	t.Run("a pause ends with the peer", func(t *testing.T) {
		sv := s.lines(t, map[string]command{"much": func(*lines, *transport.Turn) string { return much() }})
		for _, leave := range []func(*client){(*client).reset, func(c *client) { c.Close() }} {
			c, l := sv.open(t)
			c.send("much\n")
			eventually(t, "a pause", func() bool { return l.state(func() bool { return l.paused }) })
			leave(c)
			await(t, l.closed, "the end")
		}
	})
	t.Run("Writable is never lost", func(t *testing.T) {
		// The peer reads all the time, so that there is room again at any moment.
		sv := s.lines(t, nil)
		var wg sync.WaitGroup
		for range 2 {
			c, l := sv.open(t)
			if tc, ok := c.raw.(*net.TCPConn); ok {
				tc.SetReadBuffer(64 << 10)
			}
			text := pattern(100_000)
			const times = 300
			wg.Go(func() {
				for range times {
					l.say(text)
				}
			})
			for range times {
				c.expect(text)
			}
		}
		wg.Wait()
	})
	t.Run("from many goroutines", func(t *testing.T) {
		sv := s.lines(t, nil)
		c, l := sv.open(t)
		const who, times = 8, 2000
		for i := range who {
			go func() {
				for j := range times {
					l.say(fmt.Sprintf("%d %d\n", i, j))
				}
			}()
		}
		go func() {
			for range times {
				io.WriteString(c.Conn, "e\n")
			}
		}()
		var next [who]int
		echoes := 0
		r := bufio.NewReader(c.r)
		for range who*times + times {
			line, err := r.ReadString('\n')
			require.NoError(t, err)
			if line == "<e>\n" {
				echoes++
				continue
			}
			var i, j int
			_, err = fmt.Sscanf(line, "%d %d\n", &i, &j)
			require.NoError(t, err, line)
			require.Equal(t, next[i], j)
			next[i]++
		}
		require.Equal(t, times, echoes)
	})
	t.Run("what was taken is sent before the end", func(t *testing.T) {
		sv := s.lines(t, nil)
		for range 20 {
			c, l := sv.open(t)
			l.say("last\n")
			c.send("quit\n")
			require.Equal(t, "last\n", c.rest())
		}
	})
	t.Run("the peer ends its side while output is pending", func(t *testing.T) {
		text := much()
		sv := s.lines(t, map[string]command{"much": func(*lines, *transport.Turn) string { return text }})
		c, _ := sv.open(t)
		c.send("much\nx\n")
		c.closeWrite()
		c.expect(text)
		require.Equal(t, "\n<x>\n", c.rest())
	})
}
