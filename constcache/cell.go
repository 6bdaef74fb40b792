package constcache

import (
	"math"
	"sync/atomic"
	"time"
)

// Cell holds the current answer of a route. The zero Cell holds none. Its methods may be called from any goroutine and
// never wait; Get allocates only when it tells its caller that the answer is stale.
//
// Times are Unix nanoseconds and may be coarse.
type Cell struct {
	state atomic.Pointer[state]
}

// state is what a cell holds; it is replaced, never changed.
type state struct {
	answer *Answer
	until  int64 // when it becomes stale
	making bool  // somebody has been told so and makes the next one
	spoilt bool  // what is being made was invalid before it was finished
}

// Get returns the current answer, or nil if there is none. stale is true for exactly one caller after the time-to-live has
// passed, or when there is no answer: it has to make the next one and call Set or, if that fails, Abandon. Everybody else goes on with the
// old answer until then; where there is none they have to do without.
func (c *Cell) Get(now int64) (a *Answer, stale bool) {
	s := c.state.Load()
	if s != nil && s.answer != nil && now < s.until {
		return s.answer, false
	}
	return c.claim(now)
}

func (c *Cell) claim(now int64) (*Answer, bool) {
	for {
		s := c.state.Load()
		next := state{making: true}
		if s != nil {
			if s.making || s.answer != nil && now < s.until {
				return s.answer, false
			}
			next.answer, next.until = s.answer, s.until
		}
		if c.state.CompareAndSwap(s, &next) {
			return next.answer, true
		}
	}
}

// Set makes a, which must not be nil, the current answer for ttl; if ttl is not positive, until Invalidate. An answer that somebody was
// told to make before Invalidate was called is not kept: it may have been made out of what was invalid.
func (c *Cell) Set(a *Answer, now int64, ttl time.Duration) {
	next := &state{answer: a, until: math.MaxInt64}
	if ttl > 0 && now < math.MaxInt64-int64(ttl) {
		next.until = now + int64(ttl)
	}
	c.replace(func(s state) *state {
		if s.spoilt {
			return nil
		}
		return next
	})
}

// Abandon is for a caller that was told to make the next answer and cannot: the next caller of Get is told instead. The old
// answer stays.
func (c *Cell) Abandon() {
	c.replace(func(s state) *state {
		if s.answer == nil {
			return nil
		}
		return &state{answer: s.answer, until: s.until}
	})
}

// Invalidate drops the answer: whoever calls Get after Invalidate has returned does not get it, and one of them is told to make
// the next one, at the latest when the one that is being made has come to its end.
func (c *Cell) Invalidate() {
	c.replace(func(s state) *state {
		if !s.making {
			return nil
		}
		return &state{making: true, spoilt: true}
	})
}

// replace puts what next makes of the state in its place. nil is the state of the zero Cell.
func (c *Cell) replace(next func(state) *state) {
	for {
		s := c.state.Load()
		was := state{}
		if s != nil {
			was = *s
		}
		if c.state.CompareAndSwap(s, next(was)) {
			return
		}
	}
}
