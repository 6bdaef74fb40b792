package epoll

import "math/bits"

// wheel is a hierarchical timer wheel over a loop's slots. Level n has 64 places of 64^n ticks each; ticks count from the
// wheel's beginning, so that six levels reach 18 years and no carry ever leaves the top. A connection is linked
// once and its deadline is a number in it: a deadline that moves later costs nothing until the wheel comes by,
// compares and links it again.
type wheel struct {
	slots *slots
	begun int64 // the beginning, in ticks of transport.Clock
	tick  int64 // ticks passed since
	heads [levels][places]uint32
	full  [levels]uint64 // which places have anybody
}

const (
	levels    = 6
	places    = 64
	placeBits = 6
	// tickBits makes a tick 2^23 ns, 8.4 ms: the resolution of all deadlines between turns.
	tickBits = 23
)

func (w *wheel) init(s *slots, now int64) {
	w.slots = s
	w.begun = now >> tickBits
	for l := range w.heads {
		for p := range w.heads[l] {
			w.heads[l][p] = nobody
		}
	}
}

// link makes the wheel look at c at the time at, or within a tick after it. If c is linked for an earlier time already,
// that look will do.
func (w *wheel) link(c *conn, at int64) {
	if c.wheelAt != 0 {
		if c.wheelAt <= at {
			return
		}
		w.unlink(c)
	}
	// A tick is over when its successor begins: round up, so that nothing is looked at too early for ever.
	t := max(at>>tickBits+1-w.begun, w.tick+1)
	t = min(t, 1<<(placeBits*levels)-1)
	level := w.level(t)
	p := t >> (placeBits * level) & (places - 1)
	head := &w.heads[level][p]
	c.next, c.prev = *head, nobody
	if *head != nobody {
		w.slots.at(*head).prev = c.slot
	}
	*head = c.slot
	w.full[level] |= 1 << p
	c.wheelAt = w.time(t)
}

// time is when tick t begins, by transport.Clock.
func (w *wheel) time(t int64) int64 { return (t + w.begun) << tickBits }

// level is where tick t lies, seen from now: the highest digit in which the two differ.
func (w *wheel) level(t int64) int {
	return (bits.Len64(uint64(t^w.tick)) - 1) / placeBits
}

func (w *wheel) unlink(c *conn) {
	if c.wheelAt == 0 {
		return
	}
	if c.next != nobody {
		w.slots.at(c.next).prev = c.prev
	}
	if c.prev != nobody {
		w.slots.at(c.prev).next = c.next
	} else {
		w.dropHead(c)
	}
	c.wheelAt = 0
}

// dropHead takes c off the front of its place. Which place that is follows from where c was linked, but the level
// seen from now may be lower than it was then; the head that is c tells.
func (w *wheel) dropHead(c *conn) {
	t := c.wheelAt>>tickBits - w.begun
	for level := range levels {
		p := t >> (placeBits * level) & (places - 1)
		if w.heads[level][p] == c.slot && w.full[level]&(1<<p) != 0 {
			w.heads[level][p] = c.next
			if c.next == nobody {
				w.full[level] &^= 1 << p
			}
			return
		}
	}
}

// next is the time at which advance has something to do, or 0. It may be early (a place of a higher level is
// only to be spread), never late.
func (w *wheel) next() int64 {
	for level := range levels {
		shift := placeBits * level
		at := w.tick >> shift & (places - 1)
		// Places ahead of now within this turn of the level; what lies behind is on a higher level.
		if ahead := w.full[level] &^ (1<<(at+1) - 1); ahead != 0 {
			p := int64(bits.TrailingZeros64(ahead))
			return w.time(((w.tick>>shift)&^(places-1) | p) << shift)
		}
	}
	return 0
}

// advance moves the wheel to now and calls due for each connection whose look has come, unlinked.
func (w *wheel) advance(now int64, due func(*conn)) {
	target := now>>tickBits - w.begun
	for w.tick < target {
		at := w.next()
		next := at>>tickBits - w.begun
		if at == 0 || next > target {
			w.tick = target
			return
		}
		w.tick = next
		// From the top: what a higher place holds is spread over the lower ones, down to this very tick.
		for level := levels - 1; level >= 0; level-- {
			shift := placeBits * level
			if next&(1<<shift-1) != 0 {
				continue
			}
			p := next >> shift & (places - 1)
			if w.full[level]&(1<<p) == 0 {
				continue
			}
			slot := w.heads[level][p]
			w.heads[level][p] = nobody
			w.full[level] &^= 1 << p
			for slot != nobody {
				c := w.slots.at(slot)
				slot = c.next
				at := c.wheelAt
				c.wheelAt = 0
				if at <= w.time(next) {
					due(c)
				} else {
					w.link(c, at-1<<tickBits)
				}
			}
		}
	}
}
