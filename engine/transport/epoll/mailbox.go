package epoll

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// mail is a message to a loop. Exactly one of its meanings is set.
type mail struct {
	back *conn  // a lent connection comes home; its state says what for
	cut  *conn  // Abort was called on it, when its generation was gen
	gen  uint32 //
	// notified: Notify was called on it, when its generation was gen.
	notified *conn
	adopt    bool            // take the accepted descriptor fd
	fd       int             //
	peer     netip.AddrPort  //
	call     func()          // Loop.Post
	sweep    sweep           // look at every connection
	swept    chan<- struct{} // then say so here, if it is not nil; it never blocks
}

type sweep uint8

const (
	sweepNone  sweep = iota
	sweepIdle        // close what is idle
	sweepWatch       // close what hooks have closed
	sweepAll         // cut all
)

// mailbox is the only door into a loop from outside. It grows with what it is sent, which is bounded: one mail
// for each lent connection, one cut, one sweep of a kind at a time; who calls Notify and Post bounds those.
type mailbox struct {
	mu   sync.Mutex
	mail []mail
	any  atomic.Bool
}

// post sends m to the loop and wakes its holder if that is waiting.
func (l *loop) post(m mail) {
	b := &l.box
	b.mu.Lock()
	b.mail = append(b.mail, m)
	b.mu.Unlock()
	// The holder declares itself parked, then looks at any; here any is set, then parked is looked at. One of the two
	// sees the other.
	b.any.Store(true)
	if l.parked.Load() {
		l.poller.Wake()
	}
}

// collect moves the waiting mail to l.inbox, whose old contents have been read.
func (l *loop) collect() {
	l.box.any.Store(false)
	l.box.mu.Lock()
	clear(l.inbox)
	l.inbox, l.box.mail = l.box.mail, l.inbox[:0]
	l.box.mu.Unlock()
	l.inboxAt = 0
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
		case s == sweepIdle && c.state == stateRead && c.session.Idle():
			l.retire(c)
		case s == sweepWatch && c.exposed() && c.ext.raw.Control(func(uintptr) {}) != nil:
			l.close(c, nil, false)
		}
	})
}
