package epoll

import (
	"sync/atomic"
	"time"
)

// monitor takes the baton from handlers that do not return. It looks once a tick, and only while handlers run.
type monitor struct {
	asleep atomic.Bool
	wake   chan struct{}
	stop   chan struct{}
}

// poke makes sure that the monitor is looking. One load while it is.
func (m *monitor) poke() {
	if m.asleep.Load() && m.asleep.CompareAndSwap(true, false) {
		m.wake <- struct{}{}
	}
}

func (m *monitor) run(r *Runner) {
	last := make([]uint32, len(r.loops))
	tick := time.NewTimer(monitorTick)
	defer tick.Stop()
	for {
		for quiet := 0; quiet < monitorQuiet; {
			select {
			case <-tick.C:
			case <-m.stop:
				return
			}
			tick.Reset(monitorTick)
			quiet++
			for i, l := range r.loops {
				b := l.baton.Load()
				if b != last[i] || b&3 != held {
					quiet = 0
				}
				if b == last[i] && b&3 == handler && l.baton.CompareAndSwap(b, b&^3|taking) {
					r.taken.Add(1)
					l.handOver()
				}
				last[i] = b
			}
		}
		m.asleep.Store(true)
		// A handler that began since the last look has not seen asleep and did not poke.
		for i, l := range r.loops {
			if l.baton.Load() != last[i] && m.asleep.CompareAndSwap(true, false) {
				m.wake <- struct{}{}
			}
		}
		select {
		case <-m.wake:
		case <-m.stop:
			return
		}
	}
}
