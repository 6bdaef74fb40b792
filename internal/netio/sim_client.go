package netio

import (
	"io"
	"net/netip"
	"slices"
)

// SimClient is the far end of a connection, in the hands of the test. It never blocks: what it writes is under way until
// a Step delivers it, and what the server sends it has when a Step has delivered it. Any goroutine may use it.
type SimClient struct {
	s    *Sim
	c    *simConn
	read int // how much of c.got Read has returned
}

// Dial begins a connection; a Step completes it. It fails with ErrReset if fd is not listening.
func (s *Sim) Dial(listenFD int) (*SimClient, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.file(listenFD).(*simListener)
	if !ok {
		return nil, ErrReset
	}
	number := uint64(len(s.conns))
	sizes := newStream(s.seed, forSizes, number)
	c := &simConn{
		number: int(number), fd: -1, listener: l, room: simBuffer,
		reads: newStream(s.seed, forReads, number), writes: newStream(s.seed, forWrites, number),
	}
	if sizes.chance(s.faults.SmallBuffers) {
		c.room = 1 + sizes.below(256)
	}
	s.conns = append(s.conns, c)
	s.live = append(s.live, c)
	return &SimClient{s: s, c: c}, nil
}

// Addr is the client's address, as Accept tells it.
func (c *SimClient) Addr() netip.AddrPort { return c.c.peer() }

// Write queues bytes towards the server. After CloseWrite, Close or Reset, or when the connection has been reset, it fails
// with ErrReset.
func (c *SimClient) Write(p []byte) (int, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.c.clientEnded || c.c.clientReset || c.c.gotReset {
		return 0, ErrReset
	}
	if !c.c.reset { // the server's end is gone: the network drops them
		c.c.wire = append(c.c.wire, p...)
	}
	return len(p), nil
}

// Read returns delivered bytes it has not returned before; ErrAgain if there are none, io.EOF after the server's FIN,
// ErrReset after a reset.
func (c *SimClient) Read(p []byte) (int, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if n := copy(p, c.c.got[c.read:]); n > 0 {
		c.read += n
		return n, nil
	}
	switch {
	case c.c.gotReset:
		return 0, ErrReset
	case c.c.gotEnd:
		return 0, io.EOF
	}
	return 0, ErrAgain
}

// Received is a copy of all that has been delivered.
func (c *SimClient) Received() []byte {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return slices.Clone(c.c.got)
}

// Pause makes the client stop reading: nothing more is delivered to it until Pause(false), and the server's buffer fills.
func (c *SimClient) Pause(on bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.c.paused = on
}

// CloseWrite ends the client's side behind what it has written. It goes on receiving.
func (c *SimClient) CloseWrite() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.c.clientEnded = true
}

// Close gives the client's end up: a FIN behind what it has written, and an RST for whatever the server still sends.
func (c *SimClient) Close() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.c.clientEnded, c.c.clientClosed, c.c.paused = true, true, false
}

// Reset sends an RST, which may overtake what has been written.
func (c *SimClient) Reset() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.c.clientReset, c.c.clientClosed, c.c.paused = true, true, false
}

// SimState is a connection as the pretend kernel sees it.
type SimState struct {
	FD       int  // the server's descriptor, -1 before Accept and after Close
	Accepted bool // Accept has returned it
	Closed   bool // the server has closed it
	Ended    bool // the server's FIN has been delivered
	Reset    bool // the client has seen a reset, or sent one
	OnWire   int  // bytes of the client that have not arrived
	Unread   int  // bytes that have arrived and the server has not read
	Unsent   int  // bytes the server has written and the client has not got
}

// State looks at the connection.
func (c *SimClient) State() SimState {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return SimState{
		FD: c.c.fd, Accepted: c.c.phase == simAccepted, Closed: c.c.closed, Ended: c.c.gotEnd,
		Reset:  c.c.gotReset || c.c.clientReset,
		OnWire: len(c.c.wire), Unread: len(c.c.received), Unsent: len(c.c.unsent),
	}
}
