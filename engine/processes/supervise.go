package processes

import (
	"fmt"
	"syscall"
	"time"
)

// fill starts a worker for a slot that has none.
func (m *master) fill(i int) {
	m.slots[i].due = time.Time{}
	c, err := m.startWorker(i, m.generation)
	if err != nil {
		if m.phase == comingUp {
			m.fail(err)
		} else {
			m.died(i, err)
		}
		return
	}
	m.slots[i].child = c
}

func (m *master) startWorker(i, generation int) (*child, error) {
	files, names := m.sockets.of(i, len(m.slots))
	beat := min(beatEvery, m.o.HeartbeatTimeout/4)
	if beat == 0 {
		beat = beatEvery
	}
	id := identity{Worker: true, Index: i, Generation: generation, Loops: m.o.loops(), Given: m.given, BeatEvery: int64(beat)}
	return m.start(id, m.program, files, names)
}

// died is called when a worker has ended that should serve, or could not be started. Its successor comes at once if it was
// not young, and later and later if one after the other dies young: a program that cannot work is not started a
// thousand times a second.
func (m *master) died(i int, why error) {
	s := &m.slots[i]
	now := time.Now()
	young := s.child == nil || !s.child.served || now.Sub(s.child.started) < m.o.Young
	s.child = nil
	m.restarts++
	wait := time.Duration(0)
	if young {
		s.deaths++
		wait = m.o.RespawnMax
		if shift := s.deaths - 1; shift < 20 {
			wait = min(m.o.RespawnMin<<shift, m.o.RespawnMax)
		}
	} else {
		s.deaths = 0
	}
	if s.deaths > m.o.DeathsMax {
		m.fail(fmt.Errorf("processes: giving up: worker %d has died %d times in a row, each time before it was ready, or less than %v after its start; the last time: %w",
			i, s.deaths, m.o.Young, why))
		return
	}
	m.log.Error("processes: "+why.Error(), "worker", i, "young_deaths", s.deaths, "next_in", wait)
	if s.due = now.Add(wait); wait == 0 {
		m.fill(i)
	}
}

// leaves is called when a worker drains that nobody here has told to: its successor does not wait for its end, and neither
// does who is in the queue of its socket.
func (m *master) leaves(c *child) {
	if m.phase != running || c.state != serving {
		return
	}
	c.state, c.killAt = draining, m.drainEnd()
	for i := range m.slots {
		if m.slots[i].child == c {
			m.log.Warn("processes: "+c.name()+" drains by itself: somebody has sent it a signal", "generation", c.Generation)
			m.slots[i].child = nil
			m.fill(i)
		}
	}
}

// tick does what is due.
func (m *master) tick(now time.Time) {
	m.forgive(now)
	for c := range m.children {
		switch {
		case !c.killAt.IsZero() && now.After(c.killAt):
			switch c.state {
			case starting:
				c.told = fmt.Sprintf("not ready after %v: it must call Worker.Ready, or Options.ReadyTimeout be longer", m.o.ReadyTimeout)
			case draining:
				m.log.Warn("processes: killing what does not end: " + c.name())
			}
			m.kill(c)
		case c.state == serving && c.Worker && m.o.HeartbeatTimeout > 0 && now.Sub(c.beat) > m.o.HeartbeatTimeout:
			m.log.Error("processes: no sign of life from "+c.name()+": stacks, then its end", "for", m.o.HeartbeatTimeout)
			c.state, c.killAt = hung, now.Add(dumpWait)
			c.told = fmt.Sprintf("no sign of life for %v", m.o.HeartbeatTimeout)
			m.signal(c, syscall.SIGQUIT)
		}
	}
	if m.phase == running {
		for i := range m.slots {
			if s := &m.slots[i]; s.child == nil && !s.due.IsZero() && now.After(s.due) {
				m.fill(i)
			}
		}
		m.recycle(now)
	}
	m.notify.alive(now)
}

// forgive takes back the time in which the master itself has not run, since it was stopped, or the whole machine: what others
// said then has not been heard yet, or they could not say anything either.
func (m *master) forgive(now time.Time) {
	late := now.Sub(m.ticked)
	m.ticked = now
	if late < m.o.late() {
		return
	}
	for c := range m.children {
		c.beat = c.beat.Add(late)
		if !c.killAt.IsZero() {
			c.killAt = c.killAt.Add(late)
		}
	}
}

// recycle replaces the oldest of the workers that have had enough, if all are there and nothing else is being replaced.
func (m *master) recycle(now time.Time) {
	if m.phase != running || m.change != nil || now.Before(m.recycleFrom) || !m.allReady() {
		return
	}
	o := m.o
	var c *child
	for _, s := range m.slots {
		enough := o.RecycleRequests > 0 && s.child.counters.Requests >= o.RecycleRequests ||
			o.RecycleMemory > 0 && s.child.memory >= o.RecycleMemory ||
			o.RecycleAge > 0 && now.Sub(s.child.started) >= o.RecycleAge
		if enough && (c == nil || s.child.started.Before(c.started)) {
			c = s.child
		}
	}
	if c != nil {
		m.log.Info("processes: recycling "+c.name(), "requests", c.counters.Requests, "memory", c.memory, "age", now.Sub(c.started).Round(time.Second))
		m.begin(&change{what: "recycling", generation: m.generation, left: []int{c.Index}})
	}
}
