package netio

import (
	"net/netip"
	"slices"
)

// simConn is one stream connection, the server's end and what is under way in both directions.
//
//	client ── wire ──▶ received ──▶ server        bytes of the client: sent, arrived
//	client ◀── got ◀── unsent ◀──── server        bytes of the server: delivered, accepted by Write
type simConn struct {
	number   int
	fd       int // -1 before Accept and after Close
	listener *simListener
	phase    simPhase
	watches  []*simWatch

	wire     []byte // written by the client, not arrived
	received []byte // arrived, not read by the server
	unsent   []byte // written by the server, not delivered
	got      []byte // delivered to the client
	room     int    // bytes: the most of received, and of unsent

	clientEnded  bool // the client has sent FIN, behind wire
	clientReset  bool // the client has sent RST
	clientClosed bool // the client's end is gone: what is delivered to it is answered with RST
	paused       bool // the client does not read
	ended        bool // its FIN has arrived
	reset        bool // over at the server's end: an RST has arrived, or been sent
	pending      bool // the error of it has not been told yet: the first write, or read of no bytes, tells it once
	serverEnded  bool // the server has sent FIN, behind unsent
	gotEnd       bool // the server's FIN has been delivered
	gotReset     bool // an RST has been delivered to the client
	abort        bool // Reset has been called
	closed       bool // Close has been called
	full         bool // a write has been cut or refused: an Out edge is owed
	refused      bool // WriteAgain: refused until that edge

	reads, writes stream
	spin          simSpin
	trace         uint64
}

// simPhase of a connection: dialled → queued → accepted.
type simPhase uint8

const (
	simDialled simPhase = iota
	simQueued
	simAccepted
)

func (c *simConn) peer() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + c.number/40000)}), uint16(20000+c.number%40000))
}

// ready is what epoll would say of it now.
func (c *simConn) ready() (f Flags) {
	if len(c.received) > 0 || c.ended || c.reset {
		f |= In
	}
	if c.reset || c.serverEnded || !c.refused && c.writable() {
		f |= Out
	}
	if c.ended || c.reset {
		f |= RdHup
	}
	if c.reset || c.ended && c.serverEnded {
		f |= Hup
	}
	if c.pending {
		f |= Err
	}
	return f
}

// over: it has ended both ways, and each has seen the other's end. It cannot be reset any more.
func (c *simConn) over() bool { return c.ended && c.gotEnd }

// writable: a third of the buffer is free. Linux does not announce less.
func (c *simConn) writable() bool { return (c.room-len(c.unsent))*3 >= c.room }

// Read is Kernel's.
func (s *Sim) Read(fd int, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.connOf(fd, "Read")
	if err != nil {
		return 0, err
	}
	if len(p) == 0 {
		s.violate("Read: no room, on %d", fd)
		return 0, errSimInvalid
	}
	n, err := c.read(s, p)
	s.note(c, "read", len(p), n, err)
	return n, err
}

func (c *simConn) read(s *Sim, p []byte) (int, error) {
	again, short := c.reads.chance(s.faults.ReadAgain), c.reads.chance(s.faults.ReadShort)
	// What is behind a FIN is all there: the kernel has nothing to hold back, and no edge would follow.
	if !c.ended && !c.reset && len(c.received) > 0 {
		switch {
		case again:
			c.unarrive(0)
		case short:
			c.unarrive(c.reads.piece(len(c.received)))
		}
	}
	if len(c.received) > 0 {
		n := copy(p, c.received)
		c.received = c.received[n:]
		return n, nil
	}
	switch {
	case c.ended: // the end came first, and is all that a read tells
		return 0, nil
	case c.pending:
		c.pending = false
		return 0, ErrReset
	case c.reset:
		return 0, nil
	}
	return 0, c.again(s, "Read")
}

// Unread is Kernel's.
func (s *Sim) Unread(fd int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.connOf(fd, "Unread")
	return err == nil && len(c.received) > 0
}

// unarrive puts all but the first n received bytes back on the wire. They arrive again with an edge of their own, which
// is what makes a cut read honest.
func (c *simConn) unarrive(n int) {
	c.wire = slices.Concat(c.received[n:], c.wire)
	c.received = c.received[:n]
}

func (c *simConn) again(s *Sim, call string) error {
	c.spin.turn(s, call, c.fd)
	return ErrAgain
}

// Write is Kernel's.
func (s *Sim) Write(fd int, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.connOf(fd, "Write")
	if err != nil {
		return 0, err
	}
	n, err := c.take(s, "Write", len(p))
	c.unsent = append(c.unsent, p[:n]...)
	s.note(c, "write", len(p), n, err)
	return n, err
}

// WriteMore is Kernel's.
func (s *Sim) WriteMore(fd int, p []byte) (int, error) { return s.Write(fd, p) }

// Writev is Kernel's.
func (s *Sim) Writev(fd int, p [][]byte) (int, error) {
	return s.Write(fd, slices.Concat(p[:min(len(p), WritevMax)]...))
}

// SendFile is Kernel's. src is a File, or a real file.
func (s *Sim) SendFile(fd, src, n int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.connOf(fd, "SendFile")
	if err != nil {
		return 0, err
	}
	f, pretend := s.file(src).(*simFile)
	if pretend {
		n = min(n, len(f.left))
	}
	asked := n
	if n, err = c.take(s, "SendFile", n); err != nil {
		n = 0
	} else if pretend {
		c.unsent = append(c.unsent, f.left[:n]...)
		f.left = f.left[n:]
	} else if n > 0 {
		b := make([]byte, n)
		n, err = readFile(src, b)
		c.unsent = append(c.unsent, b[:n]...)
	}
	s.note(c, "sendfile", asked, n, err)
	return n, err
}

// take says how many of n bytes the send buffer takes now.
func (c *simConn) take(s *Sim, call string, n int) (int, error) {
	again, part := c.writes.chance(s.faults.WriteAgain), c.writes.chance(s.faults.WritePart)
	if c.reset || c.serverEnded {
		c.pending = false
		return 0, ErrReset
	}
	if n == 0 {
		return 0, nil
	}
	if again {
		c.refused = true
	}
	room := c.room - len(c.unsent)
	if c.refused || room == 0 {
		c.full = true
		return 0, c.again(s, call)
	}
	taken := min(n, room)
	if part {
		taken = c.writes.piece(taken)
	}
	if taken < n {
		c.full = true
	}
	return taken, nil
}

// CloseWrite is Kernel's.
func (s *Sim) CloseWrite(fd int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.connOf(fd, "CloseWrite")
	if err != nil {
		return err
	}
	if c.reset || c.over() {
		err = ErrReset
	}
	c.serverEnded = true
	s.edge(c.watches) // as shutdown(2) wakes whoever polls, also when it fails
	s.note(c, "closewrite", 0, 0, err)
	return err
}

// Reset is Kernel's.
func (s *Sim) Reset(fd int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.connOf(fd, "Reset")
	if err != nil {
		return err
	}
	c.abort = true
	return nil
}

// close gives the server's end up. What it has written is still delivered, unless the server has left bytes unread: then
// it sends RST, as Linux does, and what is under way is lost.
func (c *simConn) close(s *Sim) {
	s.note(c, "close", len(c.received), 0, nil)
	c.closed = true
	if c.abort || len(c.received) > 0 {
		c.sendReset()
		return
	}
	c.serverEnded = true
}

// sendReset: the server's kernel gives the connection up.
func (c *simConn) sendReset() {
	if !c.reset {
		c.reset = true
		c.wire, c.unsent = nil, nil
	}
}

// receiveReset: an RST arrives at the server. What arrived before it can still be read.
func (c *simConn) receiveReset(s *Sim) {
	if !c.reset {
		c.reset, c.pending = true, true
		c.refused, c.full = false, false
		c.wire, c.unsent = nil, nil
		s.edge(c.watches)
	}
}

// resetByNetwork ends the connection for both sides at once.
func (c *simConn) resetByNetwork(s *Sim) {
	c.receiveReset(s)
	c.gotReset = true
}
