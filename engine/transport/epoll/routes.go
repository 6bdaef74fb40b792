package epoll

import (
	"sync/atomic"
	"time"
)

// routes remembers which handlers cannot be trusted with the baton. Only an opaque handler is seen here, so the key is the
// method and the shape of the path: segments that look like identifiers are folded together, because /users/17 and
// /users/18 are the same handler. The table has a fixed size; under pressure it forgets, and what was forgotten costs
// one more stall.
type routes struct {
	any   atomic.Bool // whether anything was ever learnt: until then a look-up costs one load
	table [routesLen]atomic.Uint64
}

const (
	routesLen   = 1024
	routesProbe = 4
	// fastRun is how long a handler may take to count as fast; it must be well below the monitor's tick.
	fastRun = 250 * time.Microsecond
	// fastRuns in a row bring a route back; each relapse doubles the number, fastDoublings times at most.
	fastRuns      = 32
	fastDoublings = 6
)

// An entry is: tag 32 bits | slow 1 bit | relapses 7 bits | fast runs in a row 24 bits.
const (
	slowBit     = 1 << 31
	relapseBit  = 1 << 24
	relapseMask = 0x7f << 24
	runsMask    = 1<<24 - 1
)

// routeKey hashes the method and the shape of the path (FNV-1a).
func routeKey(method, path []byte) uint64 {
	const prime = 1099511628211
	h := uint64(14695981039346656037)
	for _, b := range method {
		h = (h ^ uint64(b)) * prime
	}
	segment, identifier, length := h, false, 0
	for _, b := range path {
		if b == '/' {
			if identifier || length > 24 {
				h = (segment ^ '*') * prime
			}
			h = (h ^ '/') * prime
			segment, identifier, length = h, false, 0
			continue
		}
		// A digit or an escape makes an identifier: numbers, UUIDs, hashes, timestamps.
		if '0' <= b && b <= '9' || b == '%' {
			identifier = true
		}
		length++
		h = (h ^ uint64(b)) * prime
	}
	if identifier || length > 24 {
		h = (segment ^ '*') * prime
	}
	return h
}

func (rt *routes) find(key uint64) *atomic.Uint64 {
	for i := range uint64(routesProbe) {
		e := &rt.table[(key+i)%routesLen]
		if e.Load()>>32 == key>>32 {
			return e
		}
	}
	return nil
}

// slow reports whether the route's handler is to start on a goroutine of its own.
func (rt *routes) slow(key uint64) bool {
	e := rt.find(key)
	return e != nil && e.Load()&slowBit != 0
}

// overran notes that the route's handler lost the baton or gave it up.
func (rt *routes) overran(key uint64) {
	e := rt.find(key)
	if e == nil {
		// An empty entry, or one that is trusted again, or the first.
		e = &rt.table[key%routesLen]
		for i := range uint64(routesProbe) {
			if c := &rt.table[(key+i)%routesLen]; c.Load()&slowBit == 0 {
				e = c
				break
			}
		}
		e.Store(key>>32<<32 | slowBit)
		rt.any.Store(true)
		return
	}
	for {
		old := e.Load()
		relapses := old & relapseMask
		if old&slowBit == 0 { // else several were caught before the first was noted
			relapses = min(relapses+relapseBit, fastDoublings*relapseBit)
		}
		if e.CompareAndSwap(old, old>>32<<32|slowBit|relapses) {
			return
		}
	}
}

// ran notes a run of a slow route on its own goroutine: how long it took, and whether it would have had to give the
// baton up.
func (rt *routes) ran(key uint64, took time.Duration, gaveUp bool) {
	e := rt.find(key)
	if e == nil {
		return
	}
	for {
		old := e.Load()
		if old&slowBit == 0 {
			return
		}
		entry := old &^ runsMask
		if took < fastRun && !gaveUp {
			runs := old&runsMask + 1
			relapses := old & relapseMask / relapseBit
			if runs < fastRuns<<relapses {
				entry |= runs
			} else {
				entry &^= slowBit
			}
		}
		if e.CompareAndSwap(old, entry) {
			return
		}
	}
}
