package conformance

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// duplexDrain: how a server stops that has such connections.
func (s suite) duplexDrain(t *testing.T) {
	t.Run("Shutdown waits", func(t *testing.T) {
		sv := s.lines(t, nil)
		c, l := sv.open(t)
		stays, held := sv.open(t)
		held.mu.Lock()
		held.stays = true
		held.mu.Unlock()
		result := make(chan error, 1)
		go func() { result <- sv.Shutdown(context.Background()) }()
		require.Empty(t, c.rest())
		await(t, l.closed, "the end")
		require.NoError(t, l.err)
		eventually(t, "Drain", func() bool { return held.state(func() bool { return held.drains > 0 }) })
		stays.send("still\n")
		stays.expect("<still>\n")
		require.Empty(t, result)
		stays.send("quit\n")
		require.Empty(t, stays.rest())
		require.NoError(t, await(t, result, "Shutdown"))
	})
	t.Run("output is sent first", func(t *testing.T) {
		sv := s.lines(t, nil)
		c, l := sv.open(t)
		text := much()
		l.say(text)
		result := make(chan error, 1)
		go func() { result <- sv.Shutdown(context.Background()) }()
		eventually(t, "Drain", func() bool { return l.state(func() bool { return l.drains > 0 }) })
		c.expect(text)
		require.Empty(t, c.rest())
		require.NoError(t, await(t, result, "Shutdown"))
	})
	t.Run("while a handler is away", func(t *testing.T) {
		entered, release := make(chan bool), make(chan bool)
		sv := s.lines(t, map[string]command{"!wait": func(*lines, *transport.Turn) string {
			entered <- true
			<-release
			return "waited"
		}})
		c, l := sv.open(t)
		c.send("!wait\n")
		await(t, entered, "the handler")
		result := make(chan error, 1)
		go func() { result <- sv.Shutdown(context.Background()) }()
		eventually(t, "Drain", func() bool { return l.state(func() bool { return l.drains > 0 }) })
		release <- true
		require.Equal(t, "waited\n", c.rest())
		require.NoError(t, await(t, result, "Shutdown"))
	})
	t.Run("an upgrade that comes late", func(t *testing.T) {
		entered, release := make(chan bool), make(chan bool)
		sv := new(linesServer)
		sv.server = s.serve(t, sv.serve(t, nil, func() {
			entered <- true
			<-release
		}))
		c := sv.dial(t)
		c.send(upgrade)
		await(t, entered, "the handler")
		result := make(chan error, 1)
		go func() { result <- sv.Shutdown(context.Background()) }()
		await(t, sv.ended, "Serve to return")
		release <- true
		require.Equal(t, switching, c.rest())
		require.NoError(t, await(t, result, "Shutdown"))
		require.Empty(t, sv.all[0].faults)
	})
	t.Run("Shutdown gives up, Close does not wait", func(t *testing.T) {
		entered := make(chan bool)
		result := make(chan error, 1)
		sv := s.lines(t, map[string]command{"!read": func(l *lines, t *transport.Turn) string {
			entered <- true
			_, err := nextLine(l, t)
			result <- err
			return "never"
		}})
		c, l := sv.open(t)
		full, pending := sv.open(t)
		reading, away := sv.open(t)
		for _, l := range []*lines{l, pending, away} {
			l.mu.Lock()
			l.stays = true
			l.mu.Unlock()
		}
		pending.say(much())
		reading.send("!read\n")
		await(t, entered, "the handler")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, context.Canceled, sv.Shutdown(ctx))
		c.send("still\n")
		c.expect("<still>\n")
		require.NoError(t, sv.Close())
		c.cut()
		full.cut()
		require.ErrorIs(t, await(t, result, "the handler"), net.ErrClosed)
		require.NotContains(t, reading.cut(), "never")
		for _, l := range []*lines{l, pending, away} {
			await(t, l.closed, "the end")
			require.False(t, l.say("late"))
		}
		await(t, sv.runner.Done(), "the runner")
	})
}

// duplexEndings: one connection ends, whoever ends it.
func (s suite) duplexEndings(t *testing.T) {
	ways := []struct {
		name  string
		leave bool // the peer does not read any more
		end   func(c *client, l *lines)
	}{
		{"the peer closes", true, func(c *client, _ *lines) { c.Close() }},
		{"the peer resets", true, func(c *client, _ *lines) { c.reset() }},
		{"the peer ends its side", false, func(c *client, _ *lines) { c.closeWrite() }},
		{"the protocol ends", false, func(c *client, _ *lines) { c.Write([]byte("quit\n")) }},
		{"Abort", false, func(_ *client, l *lines) { l.Abort() }},
		{"two Aborts", false, func(_ *client, l *lines) { go l.whileOpen(l.Abort); l.Abort() }},
	}
	for _, way := range ways {
		for _, talking := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, talking %v", way.name, talking), func(t *testing.T) {
				sv := s.lines(t, nil)
				other, _ := sv.open(t)
				for range 10 {
					c, l := sv.open(t)
					var wg sync.WaitGroup
					if talking {
						for range 2 {
							wg.Go(func() {
								for l.say("news\n") {
									time.Sleep(10 * time.Microsecond)
								}
							})
						}
					}
					var reading sync.WaitGroup
					if !way.leave {
						reading.Go(func() { io.Copy(io.Discard, c.r) })
					}
					l.mu.Lock()
					way.end(c, l)
					l.mu.Unlock()
					await(t, l.closed, "the end")
					wg.Wait()
					require.False(t, l.say("late"))
					reading.Wait()
				}
				sv.works(t, other)
			})
		}
	}
	t.Run("before the protocol's turn", func(t *testing.T) {
		for _, how := range []string{"panic", "abort", "hijack"} {
			opened := make(chan *lines, 1)
			sv := s.serve(t, func(x *engine.Exchange) {
				require.NoError(t, x.Upgrade(func(c transport.Conn) transport.Protocol {
					l := newLines(c, nil)
					opened <- l
					return l
				}))
				require.Equal(t, engine.ErrHijacked, x.Upgrade(nil))
				switch how {
				case "panic":
					panic(how)
				case "abort":
					x.Abort()
				default:
					_, _, err := x.Hijack()
					require.Equal(t, engine.ErrHijacked, err)
				}
			})
			c := sv.dial(t)
			c.send(get)
			l := await(t, opened, "the upgrade")
			if how == "hijack" {
				c.send("a\n")
				c.expect("<a>\n")
				c.Close()
			}
			await(t, l.closed, "Closed")
			l.mu.Lock()
			require.Equal(t, how == "hijack", l.declare)
			l.mu.Unlock()
		}
	})
}

// duplexStale: what is still said to a connection that has ended never reaches the one that has its place.
func (s suite) duplexStale(t *testing.T) {
	sv := s.lines(t, map[string]command{
		"!nap": func(*lines, *transport.Turn) string { time.Sleep(2 * time.Millisecond); return "" },
	})
	var talkers, clients sync.WaitGroup
	const workers, each = 8, 60
	for worker := range workers {
		clients.Go(func() {
			for i := range each {
				conn, err := net.Dial(sv.l.Addr().Network(), sv.l.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				c := sv.client(t, conn)
				token := fmt.Sprintf("/lines/%d.%d", worker, i)
				c.Write([]byte(strings.Replace(upgrade, "/lines", token, 1) + "!nap\n"))
				head := make([]byte, len(switching))
				if _, err := io.ReadFull(c.r, head); err != nil {
					t.Error(token, err)
					return
				}
				l := sv.find(token)
				eventually(t, "the first Run", func() bool { return l.state(func() bool { return l.declare }) })
				for range 3 {
					talkers.Go(func() {
						for l.say(token + "\n") {
							l.whileOpen(l.Notify)
							time.Sleep(20 * time.Microsecond)
						}
					})
				}
				for range 5 + i%20 {
					line, err := c.r.ReadString('\n')
					if err != nil || line != token+"\n" {
						t.Errorf("%s got %q, %v", token, line, err)
						return
					}
				}
				switch i % 4 {
				case 0:
					c.reset()
				case 1:
					c.Write([]byte("quit\n"))
					for {
						line, err := c.r.ReadString('\n')
						if err != nil {
							break
						}
						if line != token+"\n" {
							t.Errorf("%s got %q", token, line)
						}
					}
				case 2:
					l.whileOpen(l.Abort)
				}
				c.Close()
			}
		})
	}
	clients.Wait()
	eventually(t, "all to end", func() bool { return sv.Counters().Open == 0 })
	talkers.Wait()
}
