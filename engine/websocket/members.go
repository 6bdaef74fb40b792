package websocket

import "sync"

// shard is the members of a topic that live on one loop.
type shard struct {
	t *topic
	k *courier

	mu      sync.Mutex
	members []*membership
	waiting []*post // in k.due there is an entry for each
	batch   int     // how many of them, from the front, are being delivered
	cursor  int     // the members before it have been given the batch
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
	if t.kept != nil && c.Compressed() {
		t.kept.p.Compress() // before s.mu is taken, which the loop wants
	}

	s := t.shards[loop]
	if s == nil {
		s = &shard{t: t, k: t.of.hire(loop)}
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
	if c.Compressed() {
		t.keen.Add(1)
	}
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
	missed := s.waiting // what has been published is still for it; if the connection has ended this does nothing
	if m.at < s.cursor {
		missed = missed[s.batch:]
	}
	m.c.receive(missed, m.since)
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
	if m.c.Compressed() {
		t.keen.Add(-1)
	}
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
	taken, behind := s.k.take(s)
	if taken {
		s.waiting = append(s.waiting, p)
	} else {
		s.t.of.dropped.Add(uint64(len(s.members)))
	}
	return behind
}

// bring brings the first n of what waits to members that have not had it, at most so many. It returns how many members those
// were, and when all have had it, how many messages.
func (s *shard) bring(n, most int) (members, messages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.batch == 0 {
		s.batch = n
	}
	for ; members < most && s.cursor < len(s.members); members++ {
		m := s.members[s.cursor]
		s.cursor++
		m.c.receive(s.waiting[:s.batch], m.since)
	}
	if s.cursor < len(s.members) {
		return members, 0
	}
	messages = s.batch
	rest := copy(s.waiting, s.waiting[messages:])
	clear(s.waiting[rest:])
	if s.waiting = s.waiting[:rest]; rest == 0 && cap(s.waiting) > postsKeep {
		s.waiting = nil
	}
	s.batch, s.cursor = 0, 0
	return members, messages
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
