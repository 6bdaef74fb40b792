package epoll

import (
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
	time     time.Time // read once a turn
	now      int64     // the same, by transport.Nanos
	yielded  int64
	cycled   int64

	alarm   *time.Timer // wakes the parked holder for the wheel
	alarmAt int64
	rang    atomic.Bool // the alarm has, perhaps after now was read

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
			c := l.slots.find(h)
			if c == nil {
				continue
			}
			c.listed = false
			if c.word.Load()&lent == 0 && !l.service(w, c, 0) {
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

// later has c, which has something left to do, serviced behind the others: once, also if edges come meanwhile, or a flood
// would have one more read in each turn.
func (l *loop) later(c *conn) {
	if !c.listed {
		c.listed = true
		l.again = append(l.again, c.handle())
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
	l.tell()
}

// tell reads the clock.
func (l *loop) tell() {
	l.time = time.Now()
	l.now = transport.Nanos(l.time)
}

// setAlarm makes sure that a parked holder wakes when the wheel or the listener wants it.
func (l *loop) setAlarm() {
	next := l.wheel.next()
	if l.acceptAt != 0 && (next == 0 || l.acceptAt < next) {
		next = l.acceptAt
	}
	if l.rang.Load() {
		l.rang.Store(false)
		l.alarmAt = 0
	}
	if next == 0 || l.alarmAt != 0 && l.alarmAt <= next && l.alarmAt > l.now {
		return
	}
	l.alarmAt = next
	d := time.Duration(max(next-transport.Clock(), 0))
	if l.alarm == nil {
		l.alarm = time.AfterFunc(d, func() {
			l.rang.Store(true)
			l.poller.Wake()
		})
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
