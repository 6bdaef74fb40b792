package websocket

import (
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// courier brings what is published under all names of a Topics to one loop, in the order of its publication: one message
// to the loop's mailbox for any number of members, and for whatever is published until the loop comes to it.
type courier struct {
	loop   transport.Loop
	run    func() // k.deliver
	shards int    // that it serves; guarded by Topics.mu

	mu     sync.Mutex
	due    []*shard      // an entry for each message, in order
	posted bool          // the loop has been told
	room   chan struct{} // closed when due has become shorter
}

// hire returns the courier for a loop, for one shard more.
func (ts *Topics) hire(loop transport.Loop) *courier {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	k := ts.couriers[loop]
	if k == nil {
		if ts.couriers == nil {
			ts.couriers = map[transport.Loop]*courier{}
		}
		k = &courier{loop: loop}
		k.run = k.deliver
		ts.couriers[loop] = k
	}
	k.shards++
	return k
}

// dismiss is for a shard that is no more. ts.mu is held.
func (ts *Topics) dismiss(k *courier) {
	if k.shards--; k.shards == 0 {
		delete(ts.couriers, k.loop)
	}
}

// take notes that s has a message more. Above twice BacklogMax it does not: there are more publishers than the loop can
// serve, all of whom have waited. behind says that the publisher should wait.
func (k *courier) take(s *shard) (taken, behind bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.due) >= 2*BacklogMax {
		return false, true
	}
	k.due = append(k.due, s)
	if !k.posted {
		k.posted = true
		k.loop.Post(k.run)
	}
	return true, len(k.due) > BacklogMax
}

// wait waits until the loop has taken some of what is due, but no longer than backlogWait: it may have stopped.
func (k *courier) wait() {
	k.mu.Lock()
	if len(k.due) <= BacklogMax {
		k.mu.Unlock()
		return
	}
	if k.room == nil {
		k.room = make(chan struct{})
	}
	room := k.room
	k.mu.Unlock()
	late := time.NewTimer(backlogWait)
	defer late.Stop()
	select {
	case <-room:
	case <-late.C:
	}
}

// deliver runs on the loop, between its turns: it brings what is due to some members, and lets the loop do other things
// before it goes on.
func (k *courier) deliver() {
	k.mu.Lock()
	done := 0
	for left := deliverMax; left > 0 && done < len(k.due); {
		s, n := k.due[done], 1
		for done+n < len(k.due) && k.due[done+n] == s {
			n++
		}
		k.mu.Unlock() // who publishes holds the shard's lock and wants ours
		members, messages := s.bring(n, left)
		k.mu.Lock()
		left -= max(members, 1)
		done += messages
	}
	rest := copy(k.due, k.due[done:])
	clear(k.due[rest:])
	k.due = k.due[:rest]
	if rest == 0 && cap(k.due) > postsKeep {
		k.due = nil
	}
	if k.room != nil && rest <= BacklogMax {
		close(k.room)
		k.room = nil
	}
	k.posted = rest > 0
	more := k.posted
	k.mu.Unlock()
	if more {
		k.loop.Post(k.run)
	}
}
