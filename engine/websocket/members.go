package websocket

import (
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// shard is the members of a topic that live on one loop. The loop brings them what is published: one message to the
// loop's mailbox for any number of members, and for whatever is published until the loop comes to it.
type shard struct {
	t    *topic
	loop transport.Loop
	run  func() // s.deliver

	mu      sync.Mutex
	members []*membership
	waiting []*post       // to be delivered next
	batch   []*post       // being delivered
	cursor  int           // the members before it have been given batch
	posted  bool          // the loop has been told
	room    chan struct{} // closed when waiting has been taken
}

// membership is one connection's in one topic.
type membership struct {
	c     *Conn
	shard *shard
	at    int    // in shard.members
	since uint64 // posts up to this one are not for it
	next  *membership
}

// add makes c a member. t.mu is held.
func (t *topic) add(c *Conn) bool {
	c.mu.Lock()
	if c.has&(parted|closed|broken|ended) != 0 || c.linked(t) {
		c.mu.Unlock()
		return false
	}
	loop := c.tc.Loop()
	c.mu.Unlock()

	s := t.shards[loop]
	if s == nil {
		s = &shard{t: t, loop: loop}
		s.run = s.deliver
		t.shards[loop] = s
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &membership{c: c, shard: s, at: len(s.members), since: t.seq}
	c.mu.Lock()
	if c.has&parted != 0 { // in between: nobody would end it
		c.mu.Unlock()
		return false
	}
	m.next, c.subs = c.subs, m
	c.mu.Unlock()
	s.members = append(s.members, m)
	t.count++
	if t.kept != nil {
		c.receive([]*post{t.kept}, 0) // while s.mu is held nothing later can come first
	}
	return true
}

// linked reports whether c is a member. c.mu is held.
func (c *Conn) linked(t *topic) bool {
	for m := c.subs; m != nil; m = m.next {
		if m.shard.t == t {
			return true
		}
	}
	return false
}

// unlink takes the membership off the connection's list, if there is one. c.mu is held.
func (c *Conn) unlink(t *topic) *membership {
	for at := &c.subs; *at != nil; at = &(*at).next {
		if m := *at; m.shard.t == t {
			*at = m.next
			return m
		}
	}
	return nil
}

// part ends all memberships, for good.
func (c *Conn) part() {
	c.mu.Lock()
	c.has |= parted
	m := c.subs
	c.subs = nil
	c.mu.Unlock()
	for ; m != nil; m = m.next {
		t := m.shard.t
		t.mu.Lock()
		t.leave(m)
		t.mu.Unlock()
	}
}

// leave takes a membership, which its connection does not have any more, out of the topic. t.mu is held.
func (t *topic) leave(m *membership) {
	s := m.shard
	s.mu.Lock()
	if m.at >= s.cursor { // what has been published is still for it; if the connection has ended this does nothing
		m.c.receive(s.batch, m.since)
	}
	m.c.receive(s.waiting, m.since)
	at, last := m.at, len(s.members)-1
	if at < s.cursor { // the place is filled with one that has been given the batch, too
		s.cursor--
		s.put(s.members[s.cursor], at)
		at = s.cursor
	}
	if at < last {
		s.put(s.members[last], at)
	}
	s.members[last] = nil
	s.members = s.members[:last]
	s.mu.Unlock()
	t.count--
	if t.count == 0 && t.kept == nil {
		t.remove()
	}
}

func (s *shard) put(m *membership, at int) {
	s.members[at] = m
	m.at = at
}

// post has the loop deliver p. It reports whether the loop is behind. t.mu is held, so all shards have the same order.
func (s *shard) post(p *post) (behind bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.members) == 0 {
		return false
	}
	if len(s.waiting) >= 2*BacklogMax { // more publishers than the loop can serve, all of whom have waited
		s.waiting = append(s.waiting[:0], s.waiting[1:]...)
	}
	s.waiting = append(s.waiting, p)
	if !s.posted {
		s.posted = true
		s.loop.Post(s.run)
	}
	return len(s.waiting) > BacklogMax
}

// wait waits until the loop has taken what waits for it, but no longer than backlogWait: it may have stopped.
func (s *shard) wait() {
	s.mu.Lock()
	if len(s.waiting) <= BacklogMax {
		s.mu.Unlock()
		return
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	room := s.room
	s.mu.Unlock()
	late := time.NewTimer(backlogWait)
	defer late.Stop()
	select {
	case <-room:
	case <-late.C:
	}
}

// deliver runs on the loop, between its turns: it brings the batch to some members, and lets the loop do other things
// before it brings it to more.
func (s *shard) deliver() {
	s.mu.Lock()
	if len(s.batch) == 0 {
		s.batch, s.waiting, s.cursor = s.waiting, s.batch, 0
		if s.room != nil {
			close(s.room)
			s.room = nil
		}
	}
	for n := 0; n < deliverMax && s.cursor < len(s.members); n++ {
		m := s.members[s.cursor]
		s.cursor++
		m.c.receive(s.batch, m.since)
	}
	more := s.cursor < len(s.members)
	if !more {
		clear(s.batch)
		if s.batch, s.cursor = s.batch[:0], 0; cap(s.batch) > postsKeep {
			s.batch = nil
		}
		more = len(s.waiting) > 0
	}
	s.posted = more
	s.mu.Unlock()
	if more {
		s.loop.Post(s.run)
	}
}

// receive sends what has been published after since. It does not wait.
func (c *Conn) receive(posts []*post, since uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range posts {
		if p.seq <= since || p.from == c {
			continue
		}
		if err := c.admit(p.size, shared); err != nil && err != ErrOldestDropped {
			continue
		}
		c.queue().push(frame{b: p.p.Frame(c.deflater()), message: true}, c.has&open != 0)
	}
	if c.q != nil {
		c.write()
	}
}
