package websocket_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// A callback that blocks keeps only its own connection waiting, and not what it has sent; also when the transport has learnt
// that this is what the endpoint does.
func TestBlockedCallback(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		gate := make(chan struct{})
		d := newDiary(style, peregrine.Options{}, func(c *peregrine.Conn, m peregrine.Message) {
			c.Send(m)
			if strings.HasPrefix(string(m.Data), "block") {
				<-gate
			}
		})
		url, _ := serve(t, transport, d.e)
		p := connect(t, url+"x")
		var others []*peer
		for range 6 {
			others = append(others, connect(t, url+"x"))
		}
		for round := range 5 {
			p.send(text(fmt.Sprint("block ", round)), text("1"), text("2"))
			p.expect(fmt.Sprint("text block ", round))
			for _, q := range others {
				q.send(text("a"), text("b"))
				q.expect("text a", "text b")
			}
			p.send(text("3"))
			gate <- struct{}{}
			p.expect("text 1", "text 2", "text 3")
		}
	})
}

// pad makes messages long enough for a few hundred of them to be more than a socket takes.
var pad = strings.Repeat(".", 20_000)

// numbered sends messages from several goroutines and returns how many of each kind of answer there were.
func numbered(c *peregrine.Conn, senders, each int, during func()) map[error]int {
	var mu sync.Mutex
	answers := map[error]int{}
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				err := c.SendText(fmt.Sprintf("%d:%d:%s", s, n, pad))
				mu.Lock()
				answers[err]++
				mu.Unlock()
				if during != nil {
					during()
				}
			}
		})
	}
	wg.Wait()
	return answers
}

// count takes numbered messages up to another one, which it returns, and requires that those of each sender come in order.
func (p *peer) count() (messages int, last string) {
	p.t.Helper()
	before := map[string]int{}
	for {
		got := p.next()
		s, rest, ok := strings.Cut(strings.TrimPrefix(got, "text "), ":")
		if !ok {
			return messages, got
		}
		number, padding, _ := strings.Cut(rest, ":")
		require.Equal(p.t, len(pad), len(padding), "torn")
		n, err := strconv.Atoi(number)
		require.NoError(p.t, err)
		if b, ok := before[s]; ok {
			require.Greater(p.t, n, b)
		}
		before[s] = n
		messages++
	}
}

// eachTransport runs f on each.
func eachTransport(t *testing.T, f func(t *testing.T, transport string)) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) { f(t, transport) })
	}
}

const (
	senders  = 4
	each     = 150
	bytesMax = 100_000
)

// TestSlow has several goroutines send more than a peer that does not read can be given, in each policy.
func TestSlow(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		start := func(t *testing.T, slow peregrine.Slow) (*diary, *peer, *peregrine.Conn) {
			d := newDiary("callbacks", peregrine.Options{Slow: slow, QueueBytesMax: bytesMax, QueueMessagesMax: 4}, obey)
			url, _ := serve(t, transport, d.e)
			p := connect(t, url+"x")
			return d, p, await(t, d.conn, "OnOpen")
		}
		bounded := func(t *testing.T, c *peregrine.Conn, extra int) func() {
			return func() {
				bytes, messages := c.Queued()
				require.LessOrEqual(t, messages, 4+extra)
				require.LessOrEqual(t, bytes, (4+extra)*(len(pad)+20))
			}
		}
		end := func(t *testing.T, c *peregrine.Conn) {
			go func() {
				eventually(t, "all to leave", func() bool { _, n := c.Queued(); return n == 0 })
				c.SendText("end")
			}()
		}
		t.Run("Wait", func(t *testing.T) {
			d, p, c := start(t, peregrine.Wait)
			answers := make(chan map[error]int, 1)
			go func() {
				answers <- numbered(c, senders, each, bounded(t, c, 0))
				c.SendText("end")
			}()
			eventually(t, "a full queue", func() bool { _, n := c.Queued(); return n == 4 })
			n, last := p.count()
			require.Equal(t, "text end", last)
			require.Equal(t, senders*each, n)
			require.Equal(t, map[error]int{nil: senders * each}, <-answers)
			require.Zero(t, d.e.Counters().Dropped)
		})
		t.Run("DropNewest", func(t *testing.T) {
			d, p, c := start(t, peregrine.DropNewest)
			answers := numbered(c, senders, each, bounded(t, c, 0))
			end(t, c)
			n, last := p.count()
			require.Equal(t, "text end", last)
			require.Equal(t, answers[nil], n, "what was taken is sent")
			require.Equal(t, senders*each, answers[nil]+answers[peregrine.ErrNewestDropped])
			require.Positive(t, answers[peregrine.ErrNewestDropped])
			require.EqualValues(t, answers[peregrine.ErrNewestDropped], d.e.Counters().Dropped)
		})
		t.Run("DropOldest", func(t *testing.T) {
			d, p, c := start(t, peregrine.DropOldest)
			answers := numbered(c, senders, each, bounded(t, c, 1))
			c.SendText("newest")
			p.SetReadDeadline(time.Now().Add(patience))
			n, last := p.count()
			require.Equal(t, "text newest", last, "the newest is never dropped")
			require.Equal(t, senders*each, answers[nil]+answers[peregrine.ErrOldestDropped])
			require.Positive(t, answers[peregrine.ErrOldestDropped])
			require.EqualValues(t, senders*each-n, d.e.Counters().Dropped)
		})
		t.Run("Disconnect", func(t *testing.T) {
			d, p, c := start(t, peregrine.Disconnect)
			answers := numbered(c, senders, each, bounded(t, c, 0))
			require.Equal(t, 1, answers[peregrine.ErrTooSlow])
			require.Equal(t, senders*each, answers[nil]+1+answers[peregrine.ErrClosed])
			n, last := p.count()
			require.Equal(t, "close 1013", last)
			require.EqualValues(t, answers[nil]+1-n, d.e.Counters().Dropped)
			p.send(farewell(1013, ""))
			p.expect("EOF")
			d.expect(t, "open", "close 1013")
		})
	})
}

// stuffed returns a connection whose queue is full, with how many messages were taken.
func stuffed(t *testing.T, transport string, o peregrine.Options) (d *diary, p *peer, c *peregrine.Conn, messages int) {
	o.Slow, o.QueueBytesMax = peregrine.DropNewest, bytesMax
	d = newDiary("callbacks", o, obey)
	url, _ := serve(t, transport, d.e)
	p = connect(t, url+"x")
	c = await(t, d.conn, "OnOpen")
	for failures := 0; failures < 10; {
		if c.SendText(fmt.Sprintf("0:%d:%s", messages, pad)) == nil {
			messages++
			failures = 0
		} else {
			failures++
			time.Sleep(5 * time.Millisecond) // what has been taken may be on its way still, with a loop that has not got the CPU
		}
	}
	return
}

// What was sent before a Close, whoever closes, leaves before it, when the peer has not read for a while.
func TestFullQueueAtTheEnd(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		t.Run("ours", func(t *testing.T) {
			d, p, c, n := stuffed(t, transport, peregrine.Options{})
			require.NoError(t, c.Close(4005, "that was all"))
			got, last := p.count()
			require.Equal(t, "close 4005 that was all", last)
			require.Equal(t, n, got)
			p.send(farewell(4005, ""))
			p.expect("EOF")
			d.expect(t, "open", "close 4005")
		})
		t.Run("the peer's", func(t *testing.T) {
			d, p, _, n := stuffed(t, transport, peregrine.Options{})
			p.send(farewell(4005, ""))
			p.CloseWrite()
			eventually(t, "OnClose", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.lines) == 2 })
			require.EqualValues(t, 1, d.e.Counters().Open, "there is output")
			got, last := p.count()
			require.Equal(t, "close 4005", last)
			require.Equal(t, n, got)
			p.expect("EOF")
			d.expect(t, "open", "close 4005")
		})
		t.Run("end of stream", func(t *testing.T) {
			d, p, c, n := stuffed(t, transport, peregrine.Options{})
			p.CloseWrite()
			eventually(t, "OnClose", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.lines) == 2 })
			require.ErrorIs(t, c.SendText("late"), peregrine.ErrClosed)
			got, last := p.count()
			require.Equal(t, "EOF", last)
			require.Equal(t, n, got)
			d.expect(t, "open", "close 1006")
		})
		t.Run("a violation", func(t *testing.T) {
			d, p, _, n := stuffed(t, transport, peregrine.Options{})
			p.send("\xff\xff\xff")
			got, last := p.count()
			require.Equal(t, "close 1002", last)
			require.Equal(t, n, got)
			p.expect("EOF")
			p.Close()
			d.expect(t, "open", "close 1002")
		})
		t.Run("never read", func(t *testing.T) {
			d, _, c, _ := stuffed(t, transport, peregrine.Options{CloseTimeout: 30 * time.Millisecond})
			require.NoError(t, c.Close(4005, ""))
			d.expect(t, "open", "close 1006")
		})
		t.Run("answered, never read", func(t *testing.T) {
			d, p, _, _ := stuffed(t, transport, peregrine.Options{CloseTimeout: 30 * time.Millisecond})
			p.send(farewell(4005, ""))
			d.expect(t, "open", "close 4005")
		})
		t.Run("gone", func(t *testing.T) {
			d, p, _, _ := stuffed(t, transport, peregrine.Options{CloseTimeout: time.Hour})
			p.reset()
			d.expect(t, "open", "close 1006")
		})
		t.Run("cut", func(t *testing.T) {
			d, _, c, _ := stuffed(t, transport, peregrine.Options{CloseTimeout: time.Hour})
			c.Cut()
			_, n := c.Queued()
			require.Zero(t, n)
			d.expect(t, "open", "close 1006")
		})
	})
}

// Send that waits in vain cuts the connection.
func TestSendTimeout(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		for _, where := range []string{"elsewhere", "callback"} {
			t.Run(where, func(t *testing.T) {
				sent := make(chan error, 1)
				stuff := func(c *peregrine.Conn) {
					var err error
					for err == nil {
						err = c.SendText(pad)
					}
					sent <- err
				}
				d := newDiary(style, peregrine.Options{SendTimeout: 30 * time.Millisecond, QueueBytesMax: bytesMax},
					func(c *peregrine.Conn, m peregrine.Message) {
						if string(m.Data) == "callback" {
							stuff(c)
						} else {
							c.Send(m)
						}
					})
				url, _ := serve(t, transport, d.e)
				p := connect(t, url+"x")
				c := await(t, d.conn, "OnOpen")
				q := connect(t, url+"x")
				if where == "elsewhere" {
					go stuff(c)
				} else {
					p.send(text(where))
				}
				for range 10 {
					q.send(text("a"))
					q.expect("text a")
				}
				require.ErrorIs(t, await(t, sent, "Send"), peregrine.ErrTooSlow)
				p.expectEnd()
			})
		}
	})
}

// Those who wait for room learn that there will be none.
func TestWaitEnds(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		for name, end := range map[string]func(*peregrine.Conn, *peer){
			"close":            func(c *peregrine.Conn, p *peer) { c.Close(1000, "") },
			"cut":              func(c *peregrine.Conn, p *peer) { c.Cut() },
			"reset":            func(c *peregrine.Conn, p *peer) { p.reset() },
			"the peer's close": func(c *peregrine.Conn, p *peer) { p.send(farewell(1000, "")) },
		} {
			t.Run(name, func(t *testing.T) {
				d := newDiary("callbacks", peregrine.Options{QueueBytesMax: bytesMax, SendTimeout: -1}, nil)
				url, _ := serve(t, transport, d.e)
				p := connect(t, url+"x")
				c := await(t, d.conn, "OnOpen")
				answers := make(chan error, senders)
				for range senders {
					go func() {
						var err error
						for err == nil {
							err = c.SendText(pad)
						}
						answers <- err
					}()
				}
				eventually(t, "a full queue", func() bool { n, _ := c.Queued(); return n+len(pad) > bytesMax })
				end(c, p)
				for range senders {
					require.ErrorIs(t, await(t, answers, "Send"), peregrine.ErrClosed)
				}
			})
		}
	})
}

// A message that is sent in fragments keeps others waiting, but for control frames.
func TestWriter(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		start := func(o peregrine.Options) (*diary, *peer, *peregrine.Conn) {
			d := newDiary("callbacks", o, nil)
			url, _ := serve(t, transport, d.e)
			p := connect(t, url+"x")
			return d, p, await(t, d.conn, "OnOpen")
		}
		t.Run("order", func(t *testing.T) {
			_, p, c := start(peregrine.Options{OnPong: func(c *peregrine.Conn, _ time.Duration) { c.SendText("pong") }})
			w, err := c.Writer(wsproto.Text)
			require.NoError(t, err)
			_, err = c.Writer(wsproto.Text)
			require.ErrorIs(t, err, peregrine.ErrOpen)
			_, err = c.Writer(wsproto.Ping)
			require.ErrorIs(t, err, peregrine.ErrOpcode)
			for _, part := range []string{"one ", "two ", ""} {
				n, err := w.Write([]byte(part))
				require.NoError(t, err)
				require.Equal(t, len(part), n)
				require.NoError(t, c.SendText("after "+part))
			}
			require.NoError(t, c.Ping())
			ping := p.next()
			require.True(t, strings.HasPrefix(ping, "ping "))
			p.send(framed(wsproto.Header{Fin: true, Opcode: wsproto.Ping}, "you"))
			p.expect("pong you")
			w.Write([]byte(strings.Repeat("x", 100_000)))
			require.NoError(t, w.Close())
			require.ErrorIs(t, w.Close(), peregrine.ErrClosed)
			_, err = w.Write(nil)
			require.ErrorIs(t, err, peregrine.ErrClosed)
			p.expect("text one two "+strings.Repeat("x", 100_000), "text after one ", "text after two ", "text after ")
			w, err = c.Writer(wsproto.Binary)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			p.expect("binary ")
		})
		t.Run("the queue full of others", func(t *testing.T) {
			_, p, c := start(peregrine.Options{QueueMessagesMax: 2, QueueBytesMax: 1000, SendTimeout: -1})
			w, err := c.Writer(wsproto.Text)
			require.NoError(t, err)
			w.Write([]byte("a"))
			go func() {
				for n := range 5 {
					c.SendText(fmt.Sprint(n, strings.Repeat("-", 500)))
				}
			}()
			eventually(t, "a full queue", func() bool { n, _ := c.Queued(); return n > 500 })
			for range 10 {
				_, err := w.Write([]byte(strings.Repeat("b", 900)))
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			p.expect("text a" + strings.Repeat("b", 9000))
			for n := range 5 {
				p.expect(fmt.Sprint("text ", n, strings.Repeat("-", 500)))
			}
		})
		t.Run("closed in the middle", func(t *testing.T) {
			d, p, c := start(peregrine.Options{})
			w, err := c.Writer(wsproto.Text)
			require.NoError(t, err)
			w.Write([]byte("a"))
			require.NoError(t, c.SendText("must not stand in the middle"))
			require.NoError(t, c.Close(4006, "never mind"))
			_, err = w.Write([]byte("b"))
			require.ErrorIs(t, err, peregrine.ErrClosed)
			p.expect("close 4006 never mind")
			p.send(farewell(4006, ""))
			p.expect("EOF")
			d.expect(t, "open", "close 4006")
			require.EqualValues(t, 1, d.e.Counters().Dropped)
		})
		t.Run("closed before it began", func(t *testing.T) {
			_, p, c := start(peregrine.Options{})
			_, err := c.Writer(wsproto.Text)
			require.NoError(t, err)
			require.NoError(t, c.SendText("a"))
			require.NoError(t, c.Close(1000, ""))
			p.expect("text a", "close 1000")
		})
		t.Run("too slow", func(t *testing.T) {
			for _, slow := range []peregrine.Slow{peregrine.DropOldest, peregrine.DropNewest, peregrine.Disconnect} {
				d, p, c := start(peregrine.Options{Slow: slow, QueueBytesMax: bytesMax})
				w, err := c.Writer(wsproto.Text)
				for err == nil {
					_, err = w.Write([]byte(pad))
				}
				require.ErrorIs(t, err, peregrine.ErrTooSlow)
				d.expect(t, "open", "close 1006")
				p.Close()
			}
		})
	})
}

// Fragments and messages of many goroutines, with a peer that reads slowly.
func TestWritersAndSenders(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		d := newDiary("callbacks", peregrine.Options{QueueBytesMax: bytesMax}, nil)
		url, _ := serve(t, transport, d.e)
		p := connect(t, url+"x")
		c := await(t, d.conn, "OnOpen")
		var writing, fragmented atomic.Int32
		const writers = 3
		writing.Add(writers)
		for n := range writers {
			go func() {
				for m := range 20 {
					w, err := c.Writer(wsproto.Text)
					for errors.Is(err, peregrine.ErrOpen) {
						time.Sleep(100 * time.Microsecond)
						w, err = c.Writer(wsproto.Text)
					}
					fmt.Fprintf(w, "%d:%d:", 100+n, m)
					w.Write([]byte(pad[:7000]))
					w.Write([]byte(pad[7000:]))
					w.Close()
					fragmented.Add(1)
				}
				writing.Add(-1)
			}()
		}
		go func() {
			numbered(c, senders, each, nil)
			for writing.Load() > 0 {
				time.Sleep(time.Millisecond)
			}
			c.SendText("end")
		}()
		n, last := p.count()
		require.Equal(t, "text end", last)
		require.Equal(t, senders*each+writers*20, n)
	})
}
