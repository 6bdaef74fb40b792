package websocket_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

func says(s string) peregrine.Message {
	return peregrine.Message{Opcode: wsproto.Text, Data: []byte(s)}
}

// TestTopicsUnderLoad has connections come and go, members join and leave, and goroutines publish, all at once. A member gets
// all that is published between Subscribe and Unsubscribe, in order, once, and between what it is sent then.
func TestTopicsUnderLoad(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		const topics, stable, rounds, passing = 3, 12, 10, 40
		var ts peregrine.Topics
		d := newDiary("callbacks", peregrine.Options{QueueMessagesMax: 1 << 20, QueueBytesMax: 1 << 30}, obey)
		url, _ := serve(t, transport, d.e)
		var mu [topics]sync.Mutex // held while the topic's number is counted up and the message published
		var published [topics]int
		name := func(k int) string { return fmt.Sprint("topic", k) }

		var stop atomic.Bool
		var publishing, others sync.WaitGroup
		for k := range topics {
			for range 2 {
				publishing.Go(func() {
					for !stop.Load() {
						mu[k].Lock()
						published[k]++
						ts.Publish(name(k), says(fmt.Sprintf("%d:%d", k, published[k])))
						mu[k].Unlock()
						time.Sleep(100 * time.Microsecond) // the loops have other things to do
					}
				})
			}
		}
		others.Go(func() { // those that come, subscribe, and leave in any way
			for n := range passing {
				p := connect(t, url+"x")
				c := await(t, d.conn, "OnOpen")
				for k := range topics {
					ts.Subscribe(c, name(k))
				}
				if n%2 == 0 {
					p.reset()
				} else {
					p.send(farewell(1000, ""))
					p.expectEnd()
					p.Close()
				}
			}
		})
		others.Wait()
		for n := range stable {
			p := connect(t, url+"x")
			c := await(t, d.conn, "OnOpen")
			k := n % topics
			done := make(chan bool)
			go func() {
				defer close(done)
				for range rounds {
					mu[k].Lock()
					ts.Subscribe(c, name(k))
					c.SendText(fmt.Sprint("from ", published[k]))
					mu[k].Unlock()
					for range 5 {
						ts.Count(name(k))
					}
					mu[k].Lock()
					ts.Unsubscribe(c, name(k))
					c.SendText(fmt.Sprint("to ", published[k]))
					mu[k].Unlock()
				}
				c.SendText("end")
			}()
			others.Go(func() {
				for range rounds {
					var first, last int
					_, err := fmt.Sscanf(p.next(), "text from %d", &first)
					require.NoError(t, err)
					got := p.next()
					for last = first; got != fmt.Sprint("text to ", last); got = p.next() {
						last++
						require.Equal(t, fmt.Sprintf("text %d:%d", k, last), got)
					}
				}
				p.expect("text end")
				<-done
			})
		}
		others.Wait()
		stop.Store(true)
		publishing.Wait()
		eventually(t, "that those who left are no members", func() bool { return len(ts.Counts()) == 0 })
		require.Zero(t, d.e.Counters().Dropped)
	})
}

func TestTopics(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		d := newDiary("callbacks", peregrine.Options{}, obey)
		url, _ := serve(t, transport, d.e)
		join := func() (*peer, *peregrine.Conn) { return connect(t, url+"x"), await(t, d.conn, "OnOpen") }
		p, c := join()
		q, other := join()
		t.Run("members", func(t *testing.T) {
			var ts peregrine.Topics
			require.Zero(t, ts.Publish("x", says("nobody")))
			require.True(t, ts.Subscribe(c, "x"))
			require.False(t, ts.Subscribe(c, "x"))
			require.True(t, ts.Subscribe(other, "x"))
			require.True(t, ts.Subscribe(other, "y"))
			require.Equal(t, 2, ts.Count("x"))
			require.Equal(t, map[string]int{"x": 2, "y": 1}, ts.Counts())
			require.Equal(t, 2, ts.Publish("x", says("both")))
			require.Equal(t, 1, ts.PublishFrom(c, "x", says("other")))
			q.expect("text both", "text other")
			require.Equal(t, 1, ts.PublishFrom(c, "y", says("from outside")))
			q.expect("text from outside")
			require.True(t, ts.Unsubscribe(c, "x"))
			require.False(t, ts.Unsubscribe(c, "x"))
			require.False(t, ts.Unsubscribe(c, "none"))
			require.Equal(t, 1, ts.Publish("x", says("left")))
			c.SendText("end")
			p.expect("text both", "text end")
			q.expect("text left")
			require.Panics(t, func() { ts.Publish("x", peregrine.Message{}) })
			require.True(t, ts.Unsubscribe(other, "x"))
			require.True(t, ts.Unsubscribe(other, "y"))
			require.Zero(t, ts.Count("x"))
			require.Empty(t, ts.Counts())
		})
		t.Run("keep", func(t *testing.T) {
			ts := peregrine.Topics{Keep: true}
			ts.PublishFrom(c, "x", says("first"))
			ts.PublishFrom(c, "x", says("kept"))
			ts.Subscribe(c, "x") // also for the one who sent it
			ts.Subscribe(other, "x")
			ts.Publish("x", says("later"))
			for _, r := range []*peer{p, q} {
				r.expect("text kept", "text later")
			}
			ts.Forget("x")
			ts.Unsubscribe(c, "x")
			ts.Subscribe(c, "x")
			ts.Publish("x", says("on"))
			p.expect("text on")
			q.expect("text on")
			ts.Unsubscribe(c, "x")
			ts.Unsubscribe(other, "x")
			ts.Forget("x")
			ts.Forget("x")
			require.Zero(t, ts.Count("x"))
		})
		t.Run("forward", func(t *testing.T) {
			var here, there peregrine.Topics // of two processes
			here.Forward = func(topic string, m peregrine.Message) { there.Deliver(topic, m) }
			there.Forward = func(topic string, m peregrine.Message) { here.Deliver(topic, m) }
			here.Subscribe(c, "x")
			there.Subscribe(other, "x")
			here.Publish("x", says("one"))
			there.Publish("x", says("two"))
			p.expect("text one", "text two")
			q.expect("text one", "text two")
			here.Unsubscribe(c, "x")
			there.Unsubscribe(other, "x")
		})
		t.Run("the end", func(t *testing.T) {
			var ts peregrine.Topics
			ts.Subscribe(c, "x")
			ts.Subscribe(other, "x")
			require.NoError(t, c.Close(1000, ""))
			require.False(t, ts.Subscribe(c, "y"), "closed")
			p.expect("close 1000")
			p.send(farewell(1000, ""))
			p.expect("EOF")
			eventually(t, "one member", func() bool { return ts.Count("x") == 1 })
			require.False(t, ts.Subscribe(c, "x"), "ended")
			q.reset()
			eventually(t, "no member", func() bool { return ts.Count("x") == 0 })
		})
	})
}

// What is published inside callbacks: OnClose is no member any more, OnOpen may be one.
func TestTopicsInCallbacks(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		var ts peregrine.Topics
		d := newDiary("callbacks", peregrine.Options{
			OnOpen: func(c *peregrine.Conn) {
				ts.Subscribe(c, "room")
				ts.Publish("room", says("welcome"))
			},
			OnClose: func(c *peregrine.Conn, _ wsproto.CloseCode, _ string) {
				ts.Publish("room", says(fmt.Sprint("left ", ts.Count("room"))))
				ts.Subscribe(c, "room")
			},
		}, func(c *peregrine.Conn, m peregrine.Message) { ts.PublishFrom(c, "room", m) })
		url, _ := serve(t, transport, d.e)
		p := connect(t, url+"x")
		p.expect("text welcome")
		q := connect(t, url+"x")
		q.expect("text welcome")
		p.expect("text welcome")
		q.send(text("hello"))
		p.expect("text hello")
		q.send(farewell(1000, ""))
		q.expect("close 1000", "EOF")
		p.expect("text left 1")
		p.reset()
		eventually(t, "an empty room", func() bool { return len(ts.Counts()) == 0 })
	})
}

// Members with and without compression, and with context takeover, get the same.
func TestTopicsCompressed(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		var ts peregrine.Topics
		var conns []*peregrine.Conn
		var peers []interface {
			ReadMessage() (int, []byte, error)
		}
		for _, o := range []peregrine.Options{{}, {Compression: 1}, {Compression: 6, ContextTakeover: true}} {
			d := newDiary("callbacks", o, nil)
			url, _ := serve(t, transport, d.e)
			for range 2 {
				peers = append(peers, squeezed(t, url+"x"))
				conns = append(conns, await(t, d.conn, "OnOpen"))
			}
		}
		for _, c := range conns {
			require.True(t, ts.Subscribe(c, "x"))
		}
		for n := range 50 {
			own, shared := fmt.Sprint("own ", n, pad[:n*10]), fmt.Sprint("shared ", n, pad[:n*20])
			for _, c := range conns {
				require.NoError(t, c.SendText(own))
			}
			ts.Publish("x", says(shared))
			for _, p := range peers {
				got := map[string]bool{}
				for range 2 {
					_, m, err := p.ReadMessage()
					require.NoError(t, err)
					got[string(m)] = true
				}
				require.Equal(t, map[string]bool{own: true, shared: true}, got)
			}
		}
	})
}
