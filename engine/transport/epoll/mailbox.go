package epoll

import (
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
