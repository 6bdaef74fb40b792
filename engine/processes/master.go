package processes

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"
)

// master is the process that has the sockets and starts the others. One goroutine, which runs the loop, owns all of it;
// everyone else posts.
type master struct {
	o          Options
	log        *slog.Logger
	program    string // for workers
	generation int
	given      bool
	sockets    sockets
	unwanted   sockets // files of those that the master before has served, and this one does not
	admin      *group  // nil: none
	before     *mouth  // to the master whose place this one takes, if there is one
	hub        hub

	children map[*child]bool // all that have not ended
	slots    []slot
	change   *change // the replacement that is under way
	again    bool    // all workers are to be replaced once more, after it

	phase   phase
	err     error     // why the service ends, if not by a signal
	stopped time.Time // when the first order to end came; zero if the service ends for another reason
	came    bool      // all workers have been ready, once
	passed  bool      // another master has the sockets now

	notify                 notifier
	begun                  time.Time
	ticked                 time.Time // when it last looked at what is due
	recycleFrom            time.Time // not before: the last change has failed
	restarts               uint64    // of workers that died
	past                   Counters  // of workers that have ended
	dropped                uint64    // broadcasts, by and for workers that have ended
	profiles               uint64    // asked for
	asked                  map[uint64]chan reply
	beginAdmin, closeAdmin func()
	reopenLogs             func()
	events                 chan func()
	done                   chan struct{}
}

// phase is where a master is in its life.
type phase uint8

const (
	comingUp phase = iota // the first workers have not all been ready
	running
	ending
	cutting // a second signal
)

// slot is a worker's place.
type slot struct {
	child  *child // the one that serves, or is to; nil between a death and the next start
	deaths int    // young ones in a row
	due    time.Time
}

// runMaster is the life of a master.
func runMaster(o Options, in inheritance) (err error) {
	m := &master{
		o: o, log: o.Logger, generation: 1, given: in.given() && len(in.sockets) > 0,
		hub: hub{peers: map[*peer]bool{}}, children: map[*child]bool{}, asked: map[uint64]chan reply{}, slots: make([]slot, o.Processes),
		beginAdmin: func() {}, closeAdmin: func() {},
		begun: time.Now(), events: make(chan func()), done: make(chan struct{}),
	}
	defer close(m.done)
	m.reopenLogs = reopener(o.ReopenLogs, m.done)
	if in.identity != nil {
		m.generation, m.before = in.identity.Generation, &mouth{to: in.up}
		defer in.up.Close()
		defer in.down.Close()
	}
	defer func() {
		if err != nil {
			m.before.say(message{Failed: err.Error()})
		}
	}()
	if !supported {
		return fmt.Errorf("processes: Options.Processes is %d, Master %v: worker processes need Linux or macOS: want 1 and false here", o.Processes, o.Master)
	}
	defer m.watchSignals()() // before there is anything that a signal could leave behind
	if in.radio != nil {
		if err = m.hub.link(in.radio); err != nil {
			return err
		}
	}
	if m.program, err = sameProgram(); err != nil {
		return fmt.Errorf("processes: the program's own file: %w", err)
	}
	if m.sockets, m.unwanted, err = openSockets(o, in); err != nil {
		return err
	}
	defer func() { m.sockets.close(m.fate()) }()
	var former *group
	if m.admin, former, err = openAdmin(o, in); m.admin != nil {
		defer func() { m.admin.close(m.fate()) }()
	}
	if err != nil {
		return err
	}
	if former != nil {
		m.unwanted = append(m.unwanted, former)
	}
	m.notify = newNotifier()
	addrs, err := m.sockets.addrs()
	if err != nil {
		return err
	}
	if in.given() && len(o.Addrs) > 0 && m.given {
		m.log.Info("processes: serving the sockets that the program was given", "instead_of", o.Addrs, "sockets", addrs)
	}
	if o.Listening != nil && in.identity == nil {
		o.Listening(addrs)
	}
	if m.admin != nil {
		l, err := listener(m.admin.files[0])
		if err != nil {
			return err
		}
		defer l.Close()
		m.beginAdmin, m.closeAdmin = func() { go m.serveAdmin(l) }, func() { l.Close() }
	}
	if m.before == nil { // or the one before answers until this one has taken over
		m.beginAdmin()
	}
	m.loop()
	return m.err
}

// fate is what becomes of the files of Unix sockets if this master ends now.
func (m *master) fate() fate {
	switch {
	case m.passed:
		return kept
	case m.before != nil && !m.came:
		return split
	}
	return removed
}

// loop starts the workers and returns when all processes have ended.
func (m *master) loop() {
	for i := range m.slots {
		if m.fill(i); m.phase == ending {
			break
		}
	}
	m.ticked = time.Now()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for m.phase < ending || len(m.children) > 0 {
		select {
		case f := <-m.events:
			f()
		case <-tick.C:
			m.tick(time.Now())
		}
	}
}

// post has the loop call f, unless it has ended.
func (m *master) post(f func()) {
	select {
	case m.events <- f:
	case <-m.done:
	}
}

func (m *master) signalled(s os.Signal) {
	switch s {
	case signalReplace:
		m.replaceAll()
	case signalUpgrade:
		m.upgrade()
	case signalReopen:
		m.reopen()
	case signalDump:
		m.dump()
	default:
		m.stop(s.String())
	}
}

func (m *master) dump() {
	for c := range m.children {
		if c.Worker {
			m.order(c, commandDump)
		}
	}
	dumpStacks("the master")
}

func (m *master) reopen() {
	m.reopenLogs()
	for c := range m.children {
		if c.Worker {
			m.order(c, commandReopen)
		}
	}
}

// stop ends the service: the first call drains, the second cuts.
func (m *master) stop(why string) {
	switch m.phase {
	case comingUp, running:
		m.log.Info("processes: draining", "reason", why, "grace", m.o.Grace)
		m.stopped = time.Now()
		if m.phase == comingUp && m.before != nil {
			m.err = fmt.Errorf("processes: %s before all workers were ready", why)
		}
		m.end()
	case ending:
		if m.stopped.IsZero() { // the first: it drains already
			m.stopped = time.Now()
		}
		if time.Since(m.stopped) < stopApart {
			return
		}
		m.log.Info("processes: cutting", "reason", why)
		m.phase = cutting
		for c := range m.children {
			m.cut(c)
		}
	}
}

// fail ends the service because of err.
func (m *master) fail(err error) {
	if m.phase >= ending {
		return
	}
	m.err = err
	m.log.Error(err.Error())
	m.end()
}

func (m *master) end() {
	m.phase = ending
	if !m.passed {
		m.notify.say("STOPPING=1")
	}
	m.sockets.close(m.fate()) // nobody is to wait in a queue that no worker comes to
	m.change, m.again = nil, false
	for c := range m.children {
		m.drain(c)
	}
}

// told is called with what a process says.
func (m *master) told(c *child, msg message) {
	c.beat = time.Now()
	switch {
	case msg.Failed != "":
		c.told = msg.Failed
	case msg.Leaving:
		m.leaves(c)
	case msg.Profile != nil:
		m.profiled(msg.Profile)
	case msg.Counters != nil:
		c.counters, c.memory, c.lost = *msg.Counters, msg.Memory, msg.Lost
	case msg.Ready && c.state == starting:
		c.state, c.killAt, c.served = serving, time.Time{}, true
		m.ready(c)
	}
}

// ready is called when a process serves.
func (m *master) ready(c *child) {
	if m.change != nil && m.change.next == c {
		m.changed(c)
		return
	}
	m.log.Info("processes: ready: "+c.name(), "generation", c.Generation)
	if m.phase != comingUp || !m.allReady() {
		return
	}
	m.phase, m.came = running, true
	m.unwanted.close(removed)
	if m.before != nil {
		m.beginAdmin()
	}
	m.before.say(message{Ready: true})
	m.notify.say(fmt.Sprintf("READY=1\nMAINPID=%d\nSTATUS=%d workers", os.Getpid(), len(m.slots)))
}

func (m *master) allReady() bool {
	return !slices.ContainsFunc(m.slots, func(s slot) bool { return s.child == nil || s.child.state != serving })
}

// ended is called when a process has.
func (m *master) ended(c *child, err error) {
	delete(m.children, c)
	c.down.Close()
	m.past.add(c.counters)
	m.dropped += c.dropped()
	why := "exit status 0"
	if err != nil {
		why = err.Error()
	}
	if c.told != "" {
		why += ": " + c.told
	}
	died := fmt.Errorf("%s has ended: %s", c.name(), why)
	if !c.served {
		died = fmt.Errorf("%s has ended before it was ready: %s", c.name(), why)
	}
	i := slices.IndexFunc(m.slots, func(s slot) bool { return s.child == c })
	switch {
	case m.change != nil && m.change.next == c:
		m.abandon(died)
	case m.phase >= ending || i < 0:
		if err != nil {
			m.log.Warn("processes: " + died.Error())
		} else {
			m.log.Info("processes: drained: " + c.name())
		}
	case m.phase == comingUp:
		m.slots[i].child = nil
		m.fail(errors.New("processes: " + died.Error()))
	default:
		m.died(i, died)
	}
}
