package epoll

import (
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// loop is a share of the runner's connections. Everything in it belongs to the holder of its baton, but for what is
// marked; a holder may change between any two steps, so how far a turn has come is kept here and not on a stack.
type loop struct {
	r      *Runner
	poller netio.Poller
	slots  slots
	wheel  wheel

	// Any goroutine's.
	baton  atomic.Uint32
	box    mailbox
	parked atomic.Bool
	lent   atomic.Int32 // connections away from the loop
	conns  atomic.Int32 // open connections

	// The running handler: written by Begin, read by whoever takes the baton.
	seq          uint32
	running      *conn
	method, path []byte
	before       []byte // finished output that stood before the handler's

	// How far the turn is.
	events   [eventsPerTurn]netio.Event
	eventsN  int
	eventsAt int
	inbox    []mail
	inboxAt  int
	again    []uint64 // handles of connections with input left in the kernel
	againAt  int
	now      int64 // Unix nanoseconds, read once a turn
	yielded  int64
	cycled   int64

	alarm   *time.Timer // wakes the parked holder for the wheel
	alarmAt int64

	listening   bool // the listener is in the poller
	acceptPause time.Duration
	acceptAt    int64 // when accepting begins again; 0: it has not stopped
}

// A turn of the loop, in this order:
//
//	wait    for events, mail or the wheel; under load only look
//	events  what the kernel reports; sockets before mail, because answers to them are what callers wait for
//	again   connections whose input did not fit one read: after the others, so that a flood on one delays nobody
//	mail    connections that come home, new ones from other loops, orders
//	wheel   deadlines last: bytes that came in this turn save their connection
//
// run returns when the baton is gone from w, or the runner has ended.
func (l *loop) run(w *worker) {
	w.loop = l
	for {
		for l.eventsAt < l.eventsN {
			ev := l.events[l.eventsAt]
			l.eventsAt++
			if !l.dispatch(w, ev) {
				return
			}
		}
		for n := len(l.again); l.againAt < n; {
			h := l.again[l.againAt]
			l.againAt++
			if c := l.slots.find(h); c != nil && c.word.Load()&lent == 0 && !l.service(w, c, 0) {
				return
			}
		}
		l.again = l.again[:copy(l.again, l.again[l.againAt:])]
		l.againAt = 0
		if l.inboxAt == len(l.inbox) && l.box.any.Load() {
			l.collect()
		}
		for l.inboxAt < len(l.inbox) {
			m := l.inbox[l.inboxAt]
			l.inboxAt++
			if !l.open(w, m) {
				return
			}
		}
		l.wheel.advance(l.now, func(c *conn) { l.due(w, c) })
		if l.acceptAt != 0 && l.now >= l.acceptAt {
			l.listen()
		}
		if l.r.ended.Load() {
			w.loop = nil
			l.stop()
			return
		}
		l.wait()
	}
}

// wait brings the next batch. A loop that finds events at once, turn after turn, shares its P: it yields to other goroutines,
// and now and then goes through the runtime's poller, which a P that never idles does not do by itself.
func (l *loop) wait() {
	l.eventsAt, l.eventsN = 0, 0
	every := cycleEvery
	if l.lent.Load() > 0 {
		every = cycleEveryLent
	}
	if l.now-l.yielded > int64(yieldEvery) {
		l.yielded = l.now
		if l.now-l.cycled > int64(every) {
			l.cycled = l.now
			l.poller.Cycle()
		} else {
			runtime.Gosched()
		}
	}
	park := len(l.again) == 0
	if park {
		l.setAlarm()
		l.parked.Store(true)
		park = !l.box.any.Load()
	}
	n, err := l.poller.Wait(l.events[:], park)
	l.parked.Store(false)
	if err != nil {
		// Only a closed poller fails, and only stop closes it.
		l.r.logf("epoll: wait: %v", err)
		n = 0
	}
	l.eventsN = n
	l.now = time.Now().UnixNano()
}

// setAlarm makes sure that a parked holder wakes when the wheel or the listener wants it.
func (l *loop) setAlarm() {
	next := l.wheel.next()
	if l.acceptAt != 0 && (next == 0 || l.acceptAt < next) {
		next = l.acceptAt
	}
	if next == 0 || l.alarmAt != 0 && l.alarmAt <= next && l.alarmAt > l.now {
		return
	}
	l.alarmAt = next
	d := time.Duration(max(next-time.Now().UnixNano(), 0))
	if l.alarm == nil {
		l.alarm = time.AfterFunc(d, l.poller.Wake)
	} else {
		l.alarm.Reset(d)
	}
}

// dispatch brings an event to its connection. An event names slot and generation: a stale one, of a connection that an
// earlier event of the batch has closed, finds nobody. It reports whether w still holds the baton.
func (l *loop) dispatch(w *worker, ev netio.Event) bool {
	if ev.Data == listenerHandle {
		l.accept()
		return true
	}
	c := l.slots.find(ev.Data)
	if c == nil {
		return true
	}
	bits := uint32(0)
	if ev.Flags&(netio.In|netio.RdHup|netio.Hup|netio.Err) != 0 {
		bits |= evIn
	}
	if ev.Flags&netio.Out != 0 {
		bits |= evOut
	}
	if ev.Flags&netio.RdHup != 0 {
		bits |= evRdHup
	}
	if ev.Flags&(netio.Hup|netio.Err) != 0 {
		bits |= evHup
	}
	if word := c.word.Load(); word&wantOut != 0 && bits&(evOut|evHup) != 0 {
		c.word.And(^wantOut)
		c.duplex().Writable()
	}
	// A connection that is here has its edges used up at once: only what stays is noted, and most events change nothing in
	// the word, which saves two locked instructions a request.
	if c.word.Load()&lent == 0 {
		if stay := bits & (evRdHup | evHup); stay != 0 {
			c.word.Or(stay)
		}
		return l.service(w, c, bits)
	}
	if c.word.Or(bits)&lent == 0 { // it has come home in between, without a mail
		return l.service(w, c, bits)
	}
	if ln := c.loan.Load(); ln != nil {
		if bits&evIn != 0 {
			ln.wakeReader()
		}
		if bits&(evOut|evHup) != 0 {
			ln.wakeWriter()
		}
	}
	if bits&(evRdHup|evHup) != 0 {
		c.session.HangUp(bits&evHup != 0)
	}
	return true
}

// service does for c, which is not lent, what its state allows with these edges and those in its word. It reports whether
// w still holds the baton.
func (l *loop) service(w *worker, c *conn, edges uint32) bool {
	word := c.word.Load() | edges
	if word&aborted != 0 {
		l.close(c, net.ErrClosed, true)
		return true
	}
	switch c.state {
	case stateRead:
		if word&(evIn|evRun|evRdHup|evHup) != 0 {
			return l.readable(w, c, edges)
		}
	case statePause:
		c.word.Or(edges & evIn) // for when reading goes on
		switch {
		case word&evHup != 0:
			l.close(c, netio.ErrReset, false)
		case word&evRun != 0:
			return l.readable(w, c, 0)
		}
	case stateWrite, stateClose, stateFlush:
		c.word.Or(edges & evIn) // for when reading goes on
		if word&(evOut|evHup) != 0 {
			return l.writable(w, c)
		}
	case stateLinger:
		if word&(evIn|evHup) != 0 {
			l.discard(c)
		}
	}
	return true
}

// readable reads once and runs the session. A read that does not fill the space has drained the socket: the kernel
// reports the next byte with a new edge. edges are those that are not in c's word.
func (l *loop) readable(w *worker, c *conn, edges uint32) bool {
	w.enter(c, l.now)
	t := &w.turn
	if word := c.word.Load(); word&evRun != 0 {
		c.word.And(^evRun)
		if edges &= evIn; edges != 0 {
			c.word.Or(edges) // not used up
		}
	} else {
		if word&evIn != 0 {
			c.word.And(^evIn)
		}
		space := t.Space(inputMax)
		n, err := c.read(space)
		switch {
		case err == netio.ErrAgain:
			c.rest = w.leaveTurn()
			return true
		case err != nil:
			c.rest = w.leaveTurn()
			l.close(c, err, false)
			return true
		case n == 0:
			t.EOF = true
			c.eof = true
		default:
			t.Filled(n)
			if n == len(space) {
				c.word.Or(evIn)
			}
		}
	}
	return l.advance(w, c)
}

// advance runs the session until it wants something from outside. It reports whether w still holds the baton.
func (l *loop) advance(w *worker, c *conn) bool {
	t := &w.turn
	for {
		if c.becoming {
			c.become()
		}
		next := c.session.Run(t)
		if c.word.Load()&lent != 0 {
			w.loop = nil
			w.giveBack(c, next)
			return false
		}
		if next == transport.Abort {
			c.rest = w.leaveTurn()
			l.close(c, net.ErrClosed, true)
			return true
		}
		if next == transport.Become {
			c.becoming, next = true, transport.Write
		}
		if !c.send(t) { // evOut may be set: then writable finds out that it is not so
			c.rest = w.leaveTurn()
			l.close(c, netio.ErrReset, false)
			return true
		}
		if next == transport.Write && c.out == nil && c.word.Load()&duplex == 0 {
			continue // all of it has left
		}
		c.rest = w.leaveTurn()
		if next == transport.Own {
			l.lend(c)
			return true
		}
		l.settle(c, next)
		return true
	}
}

// settle brings c into the state that next asks for.
func (l *loop) settle(c *conn, next transport.Next) {
	switch next {
	case transport.Read, transport.Write:
		c.state = stateRead
		if next == transport.Write && c.out == nil && c.word.Load()&duplex != 0 {
			c.state = statePause
			if c.word.Load()&(evRun|evHup) != 0 {
				l.again = append(l.again, c.handle())
			}
		} else if c.out != nil || next == transport.Write {
			c.state = stateWrite
		} else if c.eof || l.r.draining.Load() && c.session.Idle() {
			l.close(c, nil, false) // nothing more can come, or is wanted
			return
		} else if c.word.Load()&(evIn|evRdHup|evHup) != 0 {
			l.again = append(l.again, c.handle())
		}
	case transport.Close:
		if c.out == nil {
			l.close(c, nil, false)
			return
		}
		c.state = stateClose
	case transport.Linger:
		if c.out == nil {
			l.linger(c)
			return
		}
		c.state = stateFlush
	}
	if c.state != stateRead && c.state != statePause && c.word.Load()&(evOut|evHup) != 0 {
		l.again = append(l.again, c.handle())
	}
	l.arm(c)
}

// arm puts c into the wheel for the deadline of its state, if there is one.
func (l *loop) arm(c *conn) {
	at := c.writeAt.Load()
	if c.state.reads() {
		at = c.readAt.Load()
	}
	if at != 0 {
		l.wheel.link(c, at)
	}
}

// lend gives c, whose session has refused to run its next handler here, to a goroutine of its own.
func (l *loop) lend(c *conn) {
	ln := l.r.newLoan()
	l.lent.Add(1)
	c.loan.Store(ln)
	c.word.Or(lent)
	l.r.start(task{conn: c})
}

// writable sends what c has been keeping.
func (l *loop) writable(w *worker, c *conn) bool {
	if c.out != nil {
		c.word.And(^evOut)
		n, err := c.write(c.out.Bytes())
		if err == netio.ErrAgain {
			return true
		}
		if err != nil {
			l.close(c, err, false)
			return true
		}
		c.out.Skip(n)
		if c.out.Len() > 0 {
			c.word.Or(evOut) // until the kernel says Again, no edge will come
			l.again = append(l.again, c.handle())
			return true
		}
		c.out.Free()
		c.out = nil
	}
	switch c.state {
	case stateClose:
		l.close(c, nil, false)
	case stateFlush:
		l.linger(c)
	default:
		c.state = stateRead
		w.enter(c, l.now)
		return l.advance(w, c)
	}
	return true
}

// linger ends our side and discards what the peer still sends, so that no reset overtakes the last answer.
func (l *loop) linger(c *conn) {
	c.closeWrite()
	c.state = stateLinger
	c.readAt.Store(l.now + int64(transport.LingerTimeout))
	if c.rest != nil {
		c.rest.Free()
		c.rest = nil
	}
	l.arm(c)
	if c.eof {
		l.close(c, nil, false)
		return
	}
	l.discard(c)
}

func (l *loop) discard(c *conn) {
	sink := transport.NewBuffer(transport.BufferMedium)
	defer sink.Free()
	for range 4 { // a flood has its turn again with the next edge or the deadline
		c.word.And(^evIn)
		n, err := c.read(sink.Sink())
		if err == netio.ErrAgain {
			return
		}
		if n == 0 || err != nil {
			l.close(c, nil, false)
			return
		}
	}
	c.word.Or(evIn)
	l.again = append(l.again, c.handle())
}

// due looks at a connection whose time in the wheel has come.
func (l *loop) due(w *worker, c *conn) {
	if c.word.Load()&lent != 0 {
		return // its goroutine watches its deadlines; it is armed when it comes home
	}
	at := c.writeAt.Load()
	if c.state.reads() {
		at = c.readAt.Load()
	}
	if at == 0 {
		return
	}
	if at > l.now {
		l.wheel.link(c, at)
		return
	}
	if c.state != stateRead && c.state != statePause {
		l.close(c, net.ErrClosed, c.state != stateLinger)
		return
	}
	c.readAt.Store(0)
	w.enter(c, l.now)
	next := c.session.Expire(&w.turn)
	sent := c.send(&w.turn)
	c.rest = w.leaveTurn()
	if next == transport.Abort || !sent {
		l.close(c, net.ErrClosed, true)
		return
	}
	l.settle(c, next)
}

// close ends c. reset tells the peer that something was cut.
func (l *loop) close(c *conn, err error, reset bool) {
	if c.word.Load()&duplex != 0 {
		c.duplex().Ending()
	}
	c.word.Or(ended)
	c.shut(reset)
	c.session.Closed(err)
	l.free(c)
	l.conns.Add(-1)
	l.r.release()
}

// free frees what c has. Its descriptor is closed or somebody else's.
func (l *loop) free(c *conn) {
	l.wheel.unlink(c)
	if c.rest != nil {
		c.rest.Free()
		c.rest = nil
	}
	if c.out != nil {
		c.out.Free()
		c.out = nil
	}
	l.slots.give(c)
}

// open reads one mail. It reports whether w still holds the baton.
func (l *loop) open(w *worker, m mail) bool {
	switch {
	case m.back != nil:
		return l.home(w, m.back)
	case m.adopt:
		l.adopt(m.fd, m.peer)
	case m.cut != nil:
		if c := m.cut; c.gen == m.gen {
			l.cut(c)
		}
	case m.notified != nil:
		if c := m.notified; c.gen == m.gen && c.word.Or(evRun)&lent == 0 {
			return l.service(w, c, 0)
		}
	case m.call != nil:
		m.call()
	case m.sweep != sweepNone:
		l.sweep(m.sweep)
		if m.swept != nil {
			m.swept <- struct{}{}
		}
	}
	return true
}

// home takes a lent connection back.
func (l *loop) home(w *worker, c *conn) bool {
	ln := c.loan.Load()
	hijacked := c.state == stateGone
	word := c.word.And(^lent)
	l.lent.Add(-1)
	l.r.loans.Put(ln)
	switch {
	case hijacked:
		l.free(c) // counted off by Hijack
	case word&aborted != 0:
		l.close(c, net.ErrClosed, true)
	case c.state == stateRead && c.eof && c.rest == nil:
		l.close(c, nil, false)
	case c.state == stateRead, c.state == statePause:
		l.arm(c)
		return l.service(w, c, 0)
	case c.out == nil:
		return l.writable(w, c)
	default:
		l.arm(c)
		return l.service(w, c, 0)
	}
	return true
}

// sweep looks at every connection.
func (l *loop) sweep(s sweep) {
	l.slots.each(func(c *conn) {
		away := c.word.Load()&lent != 0
		switch {
		case s == sweepAll:
			c.word.Or(aborted)
			l.cut(c)
		case s == sweepIdle && l.r.draining.Load() && c.word.Load()&duplex != 0:
			c.duplex().Drain()
		case away:
		case s == sweepIdle && c.state == stateRead && c.session.Idle(),
			s == sweepWatch && c.exposed() && c.ext.raw.Control(func(uintptr) {}) != nil:
			l.close(c, nil, false)
		}
	})
}

// cut ends an aborted connection: at once if it is here; if it is away, its peer is told and its goroutine is woken, and
// the rest happens when it comes home.
func (l *loop) cut(c *conn) {
	if c.word.Load()&lent == 0 {
		l.close(c, net.ErrClosed, true)
		return
	}
	if ln := c.loan.Load(); ln != nil {
		ln.mu.Lock()
		if !ln.hijacked {
			c.closeWrite()
		}
		ln.mu.Unlock()
		ln.wakeReader()
		ln.wakeWriter()
	}
	c.session.HangUp(true)
}
