package websocket

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/wsproto"
)

// stage is a loop that does nothing by itself.
type stage struct{ posted []func() }

func (s *stage) Post(f func()) { s.posted = append(s.posted, f) }

// step runs what was posted first. It reports false if there is nothing.
func (s *stage) step() bool {
	if len(s.posted) == 0 {
		return false
	}
	f := s.posted[0]
	s.posted = s.posted[1:]
	f()
	return true
}

// actor is a connection on a stage, whose socket takes what room says.
type actor struct {
	transport.Conn
	loop *stage
	out  []byte
	room int
}

func (a *actor) Loop() transport.Loop      { return a.loop }
func (a *actor) Notify()                   {}
func (a *actor) Abort()                    {}
func (a *actor) RemoteAddr() net.Addr      { return new(net.TCPAddr) }
func (a *actor) LocalAddr() net.Addr       { return new(net.TCPAddr) }
func (a *actor) SetReadDeadline(time.Time) {}

func (a *actor) TryWrite(p [][]byte) (n int, err error) {
	for _, b := range p {
		k := min(len(b), a.room)
		a.out = append(a.out, b[:k]...)
		a.room -= k
		n += k
	}
	return n, nil
}

func (a *actor) messages(t *testing.T) (all []string) {
	r := wsproto.NewReader(wsproto.NewReaderConfig(wsproto.Client, wsproto.Limits{}, nil), nil)
	in := append([]byte(nil), a.out...)
	for {
		e, n, err := r.Next(in)
		if in = in[n:]; err != nil {
			require.True(t, err == wsproto.ErrClosed || err == wsproto.ErrNeedMore && r.Idle(), "torn: %v", err)
			return all
		}
		all = append(all, string(e.Payload))
	}
}

func cast(e *Endpoint, loop *stage) (*Conn, *actor) {
	a := &actor{loop: loop, room: 1 << 30}
	return &Conn{e: e, tc: a}, a
}

func said(s string) Message { return Message{wsproto.Text, []byte(s)} }

// TestDelivery plays members that come and go, and what is published, in any order with what loops do meanwhile. Each
// connection gets what was published while it was a member, in order, once.
func TestDelivery(t *testing.T) {
	for round := range 200 {
		random := rand.New(rand.NewPCG(1, uint64(round)))
		e := New(Options{QueueMessagesMax: 1 << 20, QueueBytesMax: 1 << 30})
		ts := &Topics{Keep: round%3 == 0}
		loops := []*stage{{}, {}}
		type player struct {
			c      *Conn
			a      *actor
			member map[string]bool
			want   map[string][]string
			gone   bool
		}
		var players []*player
		names := []string{"a", "b"}
		kept := map[string]string{}
		n := 0
		for range deliverMax + random.IntN(2*deliverMax) { // more than one step of a loop
			c, a := cast(e, loops[0])
			players = append(players, &player{c, a, map[string]bool{"a": true}, map[string][]string{}, false})
			require.True(t, ts.Subscribe(c, "a"))
		}
		for range 400 {
			name := names[random.IntN(len(names))]
			var p *player
			if len(players) > 0 {
				p = players[random.IntN(len(players))]
			}
			switch k := random.IntN(100); {
			case k < 5:
				c, a := cast(e, loops[random.IntN(len(loops))])
				players = append(players, &player{c: c, a: a, member: map[string]bool{}, want: map[string][]string{}})
			case p == nil:
			case k < 30:
				require.Equal(t, !p.gone && !p.member[name], ts.Subscribe(p.c, name))
				if !p.gone && !p.member[name] {
					p.member[name] = true
					if last, ok := kept[name]; ok {
						p.want[name] = append(p.want[name], last)
					}
				}
			case k < 60:
				require.Equal(t, p.member[name], ts.Unsubscribe(p.c, name))
				delete(p.member, name)
			case k < 65:
				p.c.part()
				p.gone = true
				clear(p.member)
				clear(p.want) // what had not been delivered is lost with the connection
			case k < 80:
				n++
				from := p
				if random.IntN(2) == 0 {
					from = nil
				}
				m := fmt.Sprint(name, n)
				members := 0
				for _, q := range players {
					if q.member[name] && q != from {
						q.want[name] = append(q.want[name], m)
						members++
					}
				}
				if from == nil {
					require.Equal(t, members, ts.Publish(name, said(m)))
				} else {
					require.Equal(t, members, ts.PublishFrom(from.c, name, said(m)))
				}
				if ts.Keep {
					kept[name] = m
				}
			default:
				loops[random.IntN(len(loops))].step()
			}
			if random.IntN(50) == 0 {
				count := 0
				for _, q := range players {
					if q.member[name] {
						count++
					}
				}
				require.Equal(t, count, ts.Count(name))
			}
		}
		for _, l := range loops {
			for l.step() {
			}
		}
		for _, p := range players {
			if p.gone {
				continue
			}
			got := map[string][]string{}
			for _, m := range p.a.messages(t) {
				got[m[:1]] = append(got[m[:1]], m)
			}
			require.Equal(t, p.want, got)
			p.c.part()
		}
		require.Empty(t, ts.Counts())
		for _, name := range names {
			ts.Forget(name)
		}
		require.Empty(t, ts.topics, "a topic without members is gone")
	}
}

// A subscriber that does not read costs its bound, and the others get everything.
func TestDeliveryToSlow(t *testing.T) {
	for slow, name := range []string{"Wait", "DropOldest", "DropNewest", "Disconnect"} {
		t.Run(name, func(t *testing.T) {
			e := New(Options{Slow: Slow(slow), QueueMessagesMax: 10})
			ts := new(Topics)
			loop := new(stage)
			good, a := cast(e, loop)
			bad, b := cast(e, loop)
			b.room = 3
			for _, c := range []*Conn{bad, good} {
				require.True(t, ts.Subscribe(c, "x"))
			}
			var sent []string
			for n := range 100 {
				sent = append(sent, fmt.Sprintf("%03d", n))
				require.Equal(t, 2, ts.Publish("x", said(sent[n])))
				for loop.step() {
				}
				_, messages := bad.Queued()
				require.LessOrEqual(t, messages, 11)
			}
			require.Equal(t, sent, a.messages(t))
			b.room = 1 << 20
			(*session)(bad).Writable()
			got := b.messages(t)
			switch Slow(slow) {
			case DropOldest:
				require.Equal(t, append([]string{"000"}, sent[91:]...), got)
			case Disconnect:
				require.Equal(t, []string{"000", ""}, got, "the Close")
			default:
				require.Equal(t, sent[:10], got)
			}
			require.Positive(t, e.Counters().Dropped)
			bytes, messages := bad.Queued()
			require.Zero(t, bytes+messages)
			require.Nil(t, bad.q)
		})
	}
}

// A loop that does not come to it is waited for, and then does without what is new.
func TestBacklog(t *testing.T) {
	e := New(Options{QueueMessagesMax: 1 << 20})
	ts := new(Topics)
	loop := new(stage)
	c, a := cast(e, loop)
	require.True(t, ts.Subscribe(c, "x"))
	for n := range BacklogMax {
		ts.Publish("x", said(fmt.Sprint(n)))
	}
	require.Len(t, loop.posted, 1, "the loop is told once")
	done := make(chan bool)
	go func() {
		ts.Publish("x", said("waits"))
		close(done)
	}()
	s := c.subs.shard
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		s.k.mu.Lock()
		waits = s.k.room != nil
		s.k.mu.Unlock()
	}
	for loop.step() {
	}
	<-done
	require.Len(t, a.messages(t), BacklogMax+1)

	a.out = nil
	s.t.mu.Lock()
	for n := range 3 * BacklogMax { // publishers who have waited in vain
		s.t.seq++
		require.Equal(t, n >= BacklogMax, s.post(&post{p: wsproto.Prepare(wsproto.Text, []byte(fmt.Sprint(n)), 1), seq: s.t.seq}))
	}
	s.t.mu.Unlock()
	for loop.step() {
	}
	got := a.messages(t)
	require.Len(t, got, 2*BacklogMax)
	require.Equal(t, "0", got[0])
	require.Equal(t, fmt.Sprint(2*BacklogMax-1), got[len(got)-1])
	require.EqualValues(t, BacklogMax, ts.Dropped())
	require.Nil(t, s.k.due)
	require.Nil(t, s.waiting)
}

// What is published later comes later, under whatever name, however far behind the loop is; and the loop is told once.
func TestOrderOverTopics(t *testing.T) {
	e := New(Options{})
	ts := new(Topics)
	loop := new(stage)
	var actors []*actor
	var conns []*Conn
	for range deliverMax + 5 {
		c, a := cast(e, loop)
		actors, conns = append(actors, a), append(conns, c)
		for _, name := range []string{"x", "y", "z"} {
			require.True(t, ts.Subscribe(c, name))
		}
	}
	var want []string
	for n, name := range strings.Split("x x y z x y y y z x", " ") {
		want = append(want, name+fmt.Sprint(n))
		ts.Publish(name, said(want[n]))
		if n == 5 {
			loop.step() // in the middle of x's first two
		}
	}
	require.Len(t, loop.posted, 1)
	for loop.step() {
	}
	for _, a := range actors {
		require.Equal(t, want, a.messages(t))
	}
	require.Len(t, ts.couriers, 1)
	for _, c := range conns {
		c.part()
	}
	require.Empty(t, ts.couriers)
	require.Empty(t, ts.topics)
}

// Many write to the queue of a connection that is written to the socket byte by byte: no frame is lost, torn or doubled.
func TestQueueByteByByte(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(2, seed))
		slow := []Slow{DropOldest, DropNewest}[seed%2]
		e := New(Options{Slow: slow, QueueMessagesMax: 5, QueueBytesMax: 2000})
		c, a := cast(e, new(stage))
		a.room = 0
		var want []string
		for n := range 300 {
			m := fmt.Sprint(n, strings.Repeat("-", random.IntN(500)))
			err := c.Send(said(m))
			if err == nil || err == ErrOldestDropped {
				want = append(want, m)
			}
			if random.IntN(3) > 0 {
				a.room = random.IntN(700)
				(*session)(c).Writable()
				a.room = 0
			}
		}
		a.room = 1 << 20
		(*session)(c).Writable()
		got := a.messages(t)
		if slow == DropNewest {
			require.Equal(t, want, got)
		} else {
			require.EqualValues(t, len(want)-len(got), e.Counters().Dropped)
			require.Equal(t, want[len(want)-1], got[len(got)-1])
			for _, m := range got { // a subsequence
				for want[0] != m {
					want = want[1:]
				}
				want = want[1:]
			}
		}
		require.Nil(t, c.q)
	}
}

// What waits takes the memory that the queue counts, and not what messages had before they were compressed; pongs, which are
// small, are bounded by their number.
func TestQueueMemory(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		e := New(Options{Compression: 1, ContextTakeover: keeps})
		c, a := cast(e, new(stage))
		a.room = 0
		c.more = &more{deflater: wsproto.NewDeflater(wsproto.Server, e.params, 1), inflater: new(wsproto.Inflater)}
		require.Equal(t, keeps, c.more.deflater.Keeps())
		for range 200 {
			require.NoError(t, c.Send(Message{wsproto.Binary, make([]byte, 100_000)}))
		}
		chunks := map[*byte]int{}
		for _, f := range c.q.frames {
			end := &f.b[:cap(f.b)][cap(f.b)-1]
			chunks[end] = max(chunks[end], cap(f.b))
		}
		memory := 0
		for _, size := range chunks {
			memory += size
		}
		require.LessOrEqual(t, memory, 2*c.q.size+chunkSize)

		for range 10 * QueueMessagesDefault {
			c.pong(nil)
		}
		require.LessOrEqual(t, len(c.q.frames), 200+QueueMessagesDefault)
		require.ErrorIs(t, c.Ping(), ErrTooSlow)
		require.NoError(t, c.Close(wsproto.NormalClosure, ""))
	}
}

// Messages of topics are compressed by who publishes, once there is a member that wants it so.
func TestKeenMembers(t *testing.T) {
	ts := &Topics{Keep: true}
	e, loop := New(Options{Compression: 1}), new(stage)
	c, a := cast(e, loop)
	require.True(t, ts.Subscribe(c, "x"))
	topic := ts.topics["x"]
	require.Zero(t, topic.keen.Load())
	keen, b := cast(e, loop)
	keen.more = &more{deflater: wsproto.NewDeflater(wsproto.Server, e.params, 1), inflater: new(wsproto.Inflater)}
	require.True(t, ts.Subscribe(keen, "x"))
	require.EqualValues(t, 1, topic.keen.Load())
	ts.Publish("x", said(strings.Repeat("-", 10_000)))
	for loop.step() {
	}
	require.Greater(t, len(a.out), 10_000)
	require.Less(t, len(b.out), 1000)
	require.True(t, ts.Unsubscribe(keen, "x"))
	require.True(t, ts.Subscribe(keen, "x"), "the kept one")
	keen.part()
	c.part()
	require.Zero(t, topic.keen.Load())
}

// A peer that reads slowly, and so has not come to the Ping, is not cut; one that reads nothing is.
func TestSlowIsNotSilent(t *testing.T) {
	for _, size := range []int{100, 1000} { // without and with a queue too full for the Ping
		e := New(Options{Slow: DropOldest, QueueMessagesMax: 10, QueueBytesMax: 10 * 1004})
		c, a := cast(e, new(stage))
		a.room = 0
		c.heard = millis(transport.Clock() - int64(time.Hour))
		fill := func() {
			for range 20 {
				c.Send(Message{wsproto.Binary, make([]byte, size)})
			}
		}
		fill()
		for range 5 {
			require.False(t, c.expired())
			a.room = 1
			(*session)(c).Writable()
			fill()
		}
		require.NotZero(t, c.is&pinged)
		require.False(t, c.expired())
		require.True(t, c.expired(), "nothing has moved")

		a.room = 1 << 20
		(*session)(c).Writable()
		require.Nil(t, c.q)
		a.out = nil
		require.False(t, c.expired(), "the Ping may have left just now")
		require.Len(t, a.out, 2+pingSize)
		fill()
		require.True(t, c.expired(), "what a socket takes that is not full says nothing of the peer")
	}
}
