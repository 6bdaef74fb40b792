package netio

import (
	"math"
	"sync/atomic"
)

// gate counts who is using a descriptor, so that it is closed by the last one out and never under anybody's hands: the
// kernel gives a closed number away again at once, and a late wake-up would write into a stranger's connection.
type gate struct {
	n atomic.Int64 // users inside; gateClosed is added to it by close
}

const gateClosed = math.MinInt64

// enter lets the caller in unless the gate is closed. Each enter that succeeded is followed by one leave.
func (g *gate) enter() bool {
	for {
		n := g.n.Load()
		if n < 0 {
			return false
		}
		if g.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// close shuts the gate with its caller inside, who then owes a leave too. It fails if the gate is closed already.
func (g *gate) close() bool {
	for {
		n := g.n.Load()
		if n < 0 {
			return false
		}
		if g.n.CompareAndSwap(n, n+1+gateClosed) {
			return true
		}
	}
}

// leave reports whether the caller was the last one out of a closed gate: true exactly once, as nobody enters any more.
func (g *gate) leave() (last bool) { return g.n.Add(-1) == gateClosed }

// closed reports whether close has been called.
func (g *gate) closed() bool { return g.n.Load() < 0 }
