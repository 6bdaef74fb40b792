package epoll

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func open(s *slots) *conn {
	c := s.take()
	c.state = stateRead
	return c
}

func TestSlotsFirstUse(t *testing.T) {
	var s slots
	for want := range uint32(3*chunkLen + 1) {
		require.Equal(t, want, open(&s).slot)
	}
	require.Equal(t, 3*chunkLen+1, s.used)
	require.Len(t, s.chunks, 4)
}

// TestSlotsReuse: the table does not grow while a slot is free.
func TestSlotsReuse(t *testing.T) {
	var s slots
	var all []*conn
	for range 2 * chunkLen {
		all = append(all, open(&s))
	}
	for _, i := range []int{5, 70, 6} {
		s.give(all[i])
	}
	require.ElementsMatch(t, []*conn{all[5], all[6], all[70]}, []*conn{open(&s), open(&s), open(&s)})
	require.Len(t, s.chunks, 2)
	require.Equal(t, 2*chunkLen, s.used)
	open(&s)
	require.Len(t, s.chunks, 3)
}

func TestSlotsStaleHandles(t *testing.T) {
	var s slots
	c := open(&s)
	first := c.handle()
	require.Same(t, c, s.find(first))

	s.give(c)
	require.Nil(t, s.find(first), "a closed connection")
	require.Nil(t, s.find(c.handle()), "a free slot, even by the handle that it will have")

	require.Same(t, c, open(&s))
	require.Nil(t, s.find(first), "the slot's next connection")
	require.Same(t, c, s.find(c.handle()))

	require.Nil(t, s.find(handleOf(chunkLen, 0)), "beyond the table")
	require.Nil(t, s.find(handleOf(nobody, 0)))
	require.Nil(t, s.find(listenerHandle))
	require.Nil(t, new(slots).find(0))
}

// TestSlotsGenerationWraps: no connection's handle is the listener's or the poller's, however often a slot is used.
func TestSlotsGenerationWraps(t *testing.T) {
	var s slots
	c := open(&s)
	c.gen = nobody - 1
	last := c.handle()
	s.give(c)
	require.Same(t, c, open(&s))
	require.Zero(t, c.gen)
	require.Nil(t, s.find(last))
	require.Same(t, c, s.find(c.handle()))
}

func TestSlotsGiveForgets(t *testing.T) {
	var s slots
	c := open(&s)
	c.ext = new(ext)
	c.loan.Store(new(Runner).newLoan())
	s.give(c)
	require.Nil(t, c.session)
	require.Nil(t, c.ext)
	require.Nil(t, c.loan.Load())
	require.Zero(t, s.used)
}

func TestSlotsEachMayClose(t *testing.T) {
	var s slots
	for range chunkLen + 10 {
		open(&s)
	}
	seen := 0
	s.each(func(c *conn) {
		seen++
		s.give(c)
	})
	require.Equal(t, chunkLen+10, seen)
	require.Zero(t, s.used)
	s.each(func(*conn) { require.Fail(t, "nobody is there") })
}

// TestSlotsOracle compares the table with a map while connections come and go.
func TestSlotsOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	var s slots
	live := make(map[uint64]*conn)
	var dead []uint64
	for range 50_000 {
		if r.IntN(500) < len(live) {
			for h, c := range live {
				s.give(c)
				delete(live, h)
				dead = append(dead, h)
				break
			}
		} else {
			c := open(&s)
			require.NotContains(t, live, c.handle())
			live[c.handle()] = c
		}
		require.Equal(t, len(live), s.used)
		if len(dead) > 0 {
			require.Nil(t, s.find(dead[r.IntN(len(dead))]))
		}
	}
	for h, c := range live {
		require.Same(t, c, s.find(h))
	}
	seen := 0
	s.each(func(c *conn) {
		require.Same(t, live[c.handle()], c)
		seen++
	})
	require.Len(t, live, seen)
}

// TestLaterIsOnce: a flood that gives edges while it waits for its turn gets one turn.
func TestLaterIsOnce(t *testing.T) {
	l := new(loop)
	c := open(&l.slots)
	l.later(c)
	l.later(c)
	require.Equal(t, []uint64{c.handle()}, l.again)
	stale := c.handle()
	l.slots.give(c)
	require.Same(t, c, open(&l.slots))
	l.later(c)
	require.Equal(t, []uint64{stale, c.handle()}, l.again)
}
