package netio

import "slices"

// simDeed is one thing the network can do.
type simDeed struct {
	name string
	conn *simConn     // or
	list *simListener // …
	do   func(s *Sim, c *simConn)
}

// Step lets the network do one thing, and perhaps one of the extras that have no cause. It is false if there was nothing
// left to do, which does not mean that the server has nothing to do.
func (s *Sim) Step() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	deeds := s.deeds()
	if len(deeds) == 0 {
		return false
	}
	s.stepped++
	for _, p := range s.pollers {
		if p.choked {
			p.choked = false
			p.ring()
		}
	}

	d := deeds[s.steps.below(len(deeds))]
	if d.list != nil {
		s.trace = mix(s.trace ^ uint64(d.list.fd))
		s.logf("step: %s", d.name)
		d.list.exhausted = false
		return true
	}
	if s.steps.chance(s.faults.Reset) && d.conn.phase != simDialled && !d.conn.over() {
		d = simDeed{"reset", d.conn, nil, func(s *Sim, c *simConn) { c.resetByNetwork(s) }}
	}
	s.trace = mix(s.trace ^ uint64(d.conn.number))
	d.do(s, d.conn)
	s.note(d.conn, d.name, len(d.conn.wire), len(d.conn.got), nil)

	spurious, stale := s.steps.chance(s.faults.Spurious), s.steps.chance(s.faults.Stale)
	if c := s.live[s.steps.below(len(s.live))]; spurious {
		s.edge(c.watches)
	}
	if stale && len(s.pollers) > 0 {
		s.pollers[s.steps.below(len(s.pollers))].repeatStale(&s.steps)
	}
	return true
}

// deeds lists what the network can do now, and forgets connections with which it will never do anything again.
func (s *Sim) deeds() (deeds []simDeed) {
	for _, l := range s.listeners {
		if l.exhausted && !l.closed {
			deeds = append(deeds, simDeed{name: "descriptors are free again", list: l})
		}
	}
	s.live = slices.DeleteFunc(s.live, func(c *simConn) bool {
		before := len(deeds)
		deeds = c.deeds(deeds)
		return len(deeds) == before && c.closed && (c.reset || c.gotReset || c.gotEnd && c.ended)
	})
	return deeds
}

func (c *simConn) deeds(to []simDeed) []simDeed {
	can := func(name string, do func(*Sim, *simConn)) { to = append(to, simDeed{name: name, conn: c, do: do}) }
	if c.phase == simDialled {
		if !c.gotReset && (c.listener.closed || len(c.listener.queue) < simBacklog) {
			can("handshake", (*Sim).handshake)
		}
		return to
	}
	if c.reset {
		if !c.gotReset && !c.clientReset {
			can("server's reset", func(_ *Sim, c *simConn) { c.gotReset = true })
		}
		return to
	}
	if c.clientReset && !c.over() {
		can("client's reset", func(s *Sim, c *simConn) { c.receiveReset(s) })
	}
	switch {
	case len(c.wire) > 0 && (c.closed || len(c.received) < c.room):
		can("arrive", (*Sim).arrive)
	case len(c.wire) == 0 && c.clientEnded && !c.ended:
		can("client's end", func(s *Sim, c *simConn) {
			c.ended = true
			s.edge(c.watches)
		})
	}
	switch {
	case len(c.unsent) > 0 && !c.paused:
		can("deliver", (*Sim).deliver)
	case len(c.unsent) == 0 && c.serverEnded && !c.gotEnd:
		can("server's end", func(_ *Sim, c *simConn) { c.gotEnd = true })
	}
	if c.full && c.writable() && !c.closed {
		can("room", func(s *Sim, c *simConn) {
			c.full, c.refused = false, false
			s.edge(c.watches)
		})
	}
	return to
}

func (s *Sim) handshake(c *simConn) {
	if c.listener.closed {
		c.gotReset, c.reset, c.closed = true, true, true
		return
	}
	c.phase = simQueued
	c.listener.queue = append(c.listener.queue, c)
	s.edge(c.listener.watches)
}

// arrive brings bytes of the client. If the server has closed, its kernel answers them with RST, and what it had still to
// send is lost: why servers linger.
func (s *Sim) arrive(c *simConn) {
	n := s.cut(len(c.wire))
	if c.closed {
		c.sendReset()
		return
	}
	n = min(n, c.room-len(c.received))
	c.received = append(c.received, c.wire[:n]...)
	c.wire = c.wire[n:]
	s.edge(c.watches)
}

// deliver brings bytes of the server.
func (s *Sim) deliver(c *simConn) {
	n := s.cut(len(c.unsent))
	if c.clientClosed {
		c.receiveReset(s)
		c.gotReset = true
		return
	}
	c.got = append(c.got, c.unsent[:n]...)
	c.unsent = c.unsent[n:]
}

func (s *Sim) cut(n int) int {
	if s.steps.chance(s.faults.SmallPieces) {
		return s.steps.piece(n)
	}
	return n
}
