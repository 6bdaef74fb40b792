package processes

import (
	"errors"
	"os"
	"time"
)

// change is a replacement of workers, or of the master itself. There is at most one.
type change struct {
	what       string
	generation int
	left       []int  // the workers that are still to be replaced, the current one included
	next       *child // the successor that is starting
}

// replaceAll replaces all workers, one after the other. Asked while that is under way, it does so once more afterwards: who
// asks later has changed something later.
func (m *master) replaceAll() error {
	switch {
	case m.phase != running:
		return m.refuse("not replacing workers: the service is starting or ending")
	case m.change != nil:
		m.again = true
		m.log.Info("processes: workers are going to be replaced after what is under way", "under_way", m.change.what)
	default:
		m.generation++
		left := make([]int, len(m.slots))
		for i := range left {
			left[i] = i
		}
		m.notify.reloading()
		m.begin(&change{what: "replacement", generation: m.generation, left: left})
	}
	return nil
}

// refuse says why something that was asked for is not done.
func (m *master) refuse(why string) error {
	m.log.Warn("processes: " + why)
	return errors.New(why)
}

// begin starts a change.
func (m *master) begin(c *change) {
	m.change = c
	m.log.Info("processes: "+c.what+" begins", "generation", c.generation)
	m.step()
}

// step starts the next successor, or ends the change.
func (m *master) step() {
	c := m.change
	if len(c.left) == 0 {
		m.log.Info("processes: "+c.what+" done", "generation", c.generation)
		m.finish()
		return
	}
	next, err := m.startWorker(c.left[0], c.generation)
	if err != nil {
		m.abandon(err)
		return
	}
	c.next = next
}

// changed is called when the successor is ready: what it succeeds drains.
func (m *master) changed(next *child) {
	m.log.Info("processes: ready: "+next.name(), "generation", next.Generation)
	if !next.Worker {
		m.passed = true
		m.closeAdmin()
		m.notify.close() // the service is the new master's now
		m.log.Info("processes: " + next.name() + " has taken over: draining")
		delete(m.children, next) // it goes on without us
		m.end()
		return
	}
	s := &m.slots[next.Index]
	if s.child != nil {
		m.drain(s.child)
	}
	s.child, s.deaths, s.due = next, 0, time.Time{}
	m.change.left = m.change.left[1:]
	m.change.next = nil
	m.step()
}

// abandon ends a change that did not succeed. What served goes on, and workers that have had enough are not replaced at once:
// that would fail again, and again.
func (m *master) abandon(why error) {
	m.recycleFrom = time.Now().Add(m.o.RespawnMax)
	m.log.Error("processes: "+m.change.what+" has failed; what served before goes on", "error", why, "generation", m.change.generation)
	m.finish()
}

func (m *master) finish() {
	m.change = nil
	m.notify.say("READY=1")
	if m.again {
		m.again = false
		m.replaceAll()
	}
}

// upgrade starts what now stands at the program's path as a master, which takes the sockets over.
func (m *master) upgrade() error {
	switch {
	case m.phase != running:
		return m.refuse("not replacing the program: the service is starting or ending")
	case m.change != nil:
		return m.refuse("not replacing the program: one change at a time, and under way is: " + m.change.what)
	case os.Getpid() == 1:
		return m.refuse("not replacing the program: it is process 1, with which its container would end: replace the container, or the workers")
	}
	m.change = &change{what: "replacement of the program", generation: m.generation + 1}
	program, err := newProgram()
	var next *child
	if err == nil {
		files, names := m.sockets.every()
		if m.admin != nil {
			files, names = append(files, m.admin.files...), append(names, adminName)
		}
		m.log.Info("processes: replacement of the program begins", "program", program, "generation", m.generation+1)
		m.notify.reloading()
		next, err = m.start(identity{Generation: m.generation + 1, Given: m.given}, program, files, names)
	}
	if err != nil {
		m.abandon(err)
		return err
	}
	m.change.next = next
	return nil
}
