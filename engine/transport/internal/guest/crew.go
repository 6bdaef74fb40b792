//go:build linux || darwin

package guest

import "sync/atomic"

// crewMax bounds the goroutines that are kept for the next connection with input. Their stacks have grown already, which
// for a new one is a tenth of a small request's work.
const crewMax = 64

// crew runs functions on goroutines.
type crew struct {
	work chan func()
	idle atomic.Int32
	stop chan struct{}
}

func newCrew() *crew { return &crew{work: make(chan func()), stop: make(chan struct{})} }

// run has f run soon. It does not wait.
func (c *crew) run(f func()) {
	select {
	case c.work <- f:
	default:
		go c.serve(f)
	}
}

func (c *crew) serve(f func()) {
	for {
		f()
		if c.idle.Add(1) > crewMax {
			c.idle.Add(-1)
			return
		}
		select {
		case f = <-c.work:
			c.idle.Add(-1)
		case <-c.stop:
			return
		}
	}
}
