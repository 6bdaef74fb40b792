package epoll

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/internal/netio"
)

const tick = int64(1) << tickBits

// clockwork is a wheel with connections of its own.
type clockwork struct {
	slots slots
	wheel wheel
}

func newClockwork(now int64) *clockwork {
	k := new(clockwork)
	k.wheel.init(&k.slots, now)
	return k
}

func (k *clockwork) conn() *conn {
	c := k.slots.take()
	c.state = stateRead
	return c
}

// looks advances the wheel and returns who was looked at.
func (k *clockwork) looks(now int64) (due []*conn) {
	k.wheel.advance(now, func(c *conn) { due = append(due, c) })
	return due
}

// until advances the wheel as a loop does, whenever next says so, up to now. It returns when who was looked at.
func (k *clockwork) until(t *testing.T, now int64) map[*conn]int64 {
	seen := make(map[*conn]int64)
	for steps := 0; ; steps++ {
		require.Less(t, steps, 1_000_000, "next never ends")
		at := k.wheel.next()
		if at == 0 || at > now {
			break
		}
		for _, c := range k.looks(at) {
			require.NotContains(t, seen, c)
			seen[c] = at
		}
	}
	for _, c := range k.looks(now) {
		require.Fail(t, "next was late", "slot %d", c.slot)
	}
	return seen
}

// starts are moments with something after them: nothing, and the places where digits carry over.
func starts() map[string]int64 {
	const today = int64(1_800_000_000_000_000_000)
	starts := map[string]int64{"zero": 0, "today": today}
	for level := 1; level <= levels; level++ {
		length := tick << (placeBits * level)
		starts[fmt.Sprintf("before level %d carries", level)] = today/length*length + length - tick
	}
	return starts
}

func TestWheelLooks(t *testing.T) {
	delays := []time.Duration{
		0, 1, time.Microsecond, time.Millisecond, 8 * time.Millisecond, 9 * time.Millisecond, 100 * time.Millisecond,
		537 * time.Millisecond, time.Second, 5 * time.Second, 35 * time.Second, time.Minute, 10 * time.Minute,
		37 * time.Minute, time.Hour, 3 * time.Hour, 24 * time.Hour, 38 * time.Hour,
	}
	for name, start := range starts() {
		t.Run(name, func(t *testing.T) {
			k := newClockwork(start)
			at := make(map[*conn]int64)
			for _, d := range delays {
				c := k.conn()
				at[c] = start + int64(d)
				k.wheel.link(c, at[c])
				require.NotZero(t, c.wheelAt)
			}
			seen := k.until(t, start+int64(39*time.Hour))
			for c, at := range at {
				require.Contains(t, seen, c, "after %v", time.Duration(at-start))
				require.Greater(t, seen[c], at, "looked at too early")
				require.LessOrEqual(t, seen[c], at+tick, "looked at too late")
				require.Zero(t, c.wheelAt)
			}
			require.Zero(t, k.wheel.next())
			require.Zero(t, k.wheel.full)
		})
	}
}

// TestWheelFar: a deadline days away, which passes through several levels, is looked at in time.
func TestWheelFar(t *testing.T) {
	for name, start := range starts() {
		t.Run(name, func(t *testing.T) {
			k := newClockwork(start)
			c := k.conn()
			at := start + int64(100*time.Hour)
			k.wheel.link(c, at)
			looks := 0
			for ; ; looks++ {
				require.Less(t, looks, 10)
				now := k.wheel.next()
				require.NotZero(t, now)
				for len(k.looks(now)) == 0 {
					now = k.wheel.next()
					require.NotZero(t, now)
				}
				if now > at {
					require.LessOrEqual(t, now, at+tick)
					break
				}
				k.wheel.link(c, at)
			}
		})
	}
}

func TestWheelPast(t *testing.T) {
	start := 1000 * tick
	k := newClockwork(start)
	c := k.conn()
	k.wheel.link(c, start-int64(time.Hour))
	require.Empty(t, k.looks(start), "a deadline of the past is looked at in the next tick, not twice in this one")
	require.Equal(t, []*conn{c}, k.looks(start+tick))
}

func TestWheelLaterIsFree(t *testing.T) {
	k := newClockwork(0)
	c := k.conn()
	k.wheel.link(c, 10*tick)
	at := c.wheelAt
	k.wheel.link(c, 10_000*tick)
	require.Equal(t, at, c.wheelAt, "the earlier look will do")
	k.wheel.link(c, 5*tick)
	require.Less(t, c.wheelAt, at, "an earlier deadline is not missed")
	require.Equal(t, []*conn{c}, k.looks(6*tick))
	require.Empty(t, k.looks(20_000*tick), "looked at once")
}

func TestWheelUnlink(t *testing.T) {
	for _, far := range []int64{3, 200, 9_000, 600_000} {
		for first := range 3 {
			k := newClockwork(0)
			list := []*conn{k.conn(), k.conn(), k.conn()}
			for _, c := range list {
				k.wheel.link(c, far*tick)
			}
			gone := list[first]
			k.wheel.unlink(gone)
			k.wheel.unlink(gone)
			left := append(append([]*conn(nil), list[:first]...), list[first+1:]...)
			require.ElementsMatch(t, left, k.looks((far+1)*tick))
			require.Zero(t, k.wheel.full)
		}
	}
}

// TestWheelDueActs: whoever is looked at may be linked again at once, or be closed and its slot used anew.
func TestWheelDueActs(t *testing.T) {
	k := newClockwork(0)
	for range 8 {
		k.wheel.link(k.conn(), 5*tick)
	}
	looked := 0
	k.wheel.advance(6*tick, func(c *conn) {
		looked++
		if c.slot%2 == 0 {
			k.wheel.link(c, 5*tick) // for the next tick
			return
		}
		k.slots.give(c)
		k.wheel.link(k.conn(), 100*tick)
	})
	require.Equal(t, 8, looked)
	require.Len(t, k.looks(7*tick), 4)
	require.Empty(t, k.looks(100*tick))
	require.Len(t, k.looks(101*tick), 4)
}

func BenchmarkWheelLink(b *testing.B) {
	k := newClockwork(0)
	c := k.conn()
	r := rand.New(rand.NewPCG(1, 2))
	var at [1024]int64
	for i := range at {
		at[i] = r.Int64N(int64(time.Hour))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k.wheel.link(c, at[i%len(at)])
		k.wheel.unlink(c)
	}
}

// bell is a poller that is only woken.
type bell struct {
	netio.Poller
	rung chan struct{}
}

func (b bell) Wake() { b.rung <- struct{}{} }

// TestAlarmThatRangMeanwhile: the alarm has rung after the turn's time was read, by which nothing is due yet. It rings again.
func TestAlarmThatRangMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &loop{poller: bell{rung: make(chan struct{}, 1)}}
		l.tell()
		l.wheel.init(&l.slots, l.now)
		rung := l.poller.(bell).rung
		c := open(&l.slots)
		l.wheel.link(c, l.now+int64(time.Second))
		l.setAlarm()
		<-rung
		l.setAlarm()
		<-rung // or all of the bubble stands still
	})
}
