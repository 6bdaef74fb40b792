package epoll

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// Bits of conn.word. The event bits are edges: set by the loop when the poller reports them, cleared by the owner just
// before the call that uses them up, so that an edge that comes after the call is not lost.
const (
	evIn    uint32 = 1 << iota // input, or its end, may be read
	evOut                      // output may be written again
	evRdHup                    // the peer has ended its side; stays
	evHup                      // both sides are gone; stays
	evRun                      // run the session without reading: it has not seen the input at hand, or Notify was called
	broken                     // output was lost, by an error or the write deadline: send nothing more and close; stays
	aborted                    // cut: nothing more is sent or received; stays
	lent                       // owned by a goroutine away from the loop
	duplex                     // the session is a Protocol; stays
	wantOut                    // TryWrite has found the socket full
	ended                      // the descriptor is closed, or about to be; stays
)

// States of a connection that is not inside Session.Run. Each line lists the exits.
//
//	stateRead    waiting for input          → any (Run), closed (reset, end of stream)
//	stateWrite   sending, then Run          → any (Run), closed (reset, write deadline)
//	stateClose   sending, then close        → closed
//	stateFlush   sending, then end our side → stateLinger, closed
//	statePause   a Duplex's, waiting for Notify → any (Run), closed (reset)
//	stateLinger  discarding input           → closed (end of stream, LingerTimeout)
//	stateGone    hijacked                   → closed
type state uint8

const (
	stateRead state = iota
	stateWrite
	stateClose
	stateFlush
	statePause
	stateLinger
	stateGone
)

// reads: the read deadline holds.
func (s state) reads() bool { return s == stateRead || s == statePause || s == stateLinger }

// conn is one connection. It lies in a slot of its loop's table and is used again after it is closed; gen tells the
// connections of one slot apart. An idle one owns no buffer, no goroutine and no timer object.
type conn struct {
	// Shared by the loop and the goroutine the connection is lent to.
	word    atomic.Uint32
	loan    atomic.Pointer[loan] // how to wake that goroutine; stale ones only wake it for nothing
	readAt  atomic.Int64         // deadlines, Unix nanoseconds; 0: none
	writeAt atomic.Int64

	// Fixed from open to release, but for session: see become.
	loop    *loop
	session transport.Session
	ext     *ext // what few connections need, or nil
	slot    uint32
	gen     uint32
	fd      int32
	peer    peer

	// The owner's.
	rest     *transport.Buffer // unconsumed input
	out      *transport.Buffer // unsent output
	seq      uint32            // of the baton when the running handler began
	state    state
	eof      bool // the end of the input has been read
	becoming bool // when the output has left the session is replaced

	// The loop's.
	open       bool // the slot is in use
	listed     bool // in loop.again
	next, prev uint32
	wheelAt    int64 // when the wheel looks at it again; 0: not in the wheel
}

// ext holds what only hooks and odd peers need.
type ext struct {
	nc     net.Conn // owns the descriptor
	raw    rawConn
	remote net.Addr // of a peer that has no IP address, or one with a zone
}

// peer is an IP address and port in 18 bytes.
type peer struct {
	ip   [16]byte
	port uint16
}

func peerOf(a netip.AddrPort) peer { return peer{a.Addr().As16(), a.Port()} }

func (p peer) addr() net.Addr {
	ip := netip.AddrFrom16(p.ip).Unmap()
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, p.port))
}

// SetReadDeadline implements transport.Conn. On a loop it takes effect when the turn ends; a connection that is
// away looks again at once.
func (c *conn) SetReadDeadline(at time.Time) {
	c.readAt.Store(transport.Nanos(at))
	if ln := c.loan.Load(); ln != nil {
		ln.wakeReader()
	}
}

// SetWriteDeadline implements transport.Conn.
func (c *conn) SetWriteDeadline(at time.Time) {
	c.writeAt.Store(transport.Nanos(at))
	if ln := c.loan.Load(); ln != nil {
		ln.wakeWriter()
	}
}

// Watch implements transport.Conn: loops hear of a peer that leaves in any case.
func (c *conn) Watch(*transport.Turn) {}

// HungUp implements transport.Conn.
func (c *conn) HungUp() bool { return c.word.Load()&(evRdHup|evHup|aborted) != 0 }

// Abort implements transport.Conn. The descriptor is shut by the loop, which alone may know that it is still ours.
func (c *conn) Abort() {
	if c.word.Or(aborted)&aborted == 0 {
		if ln := c.loan.Load(); ln != nil {
			ln.wakeReader()
			ln.wakeWriter()
		}
		c.loop.post(mail{cut: c, gen: c.gen})
	}
}

// NetConn implements transport.Conn.
func (c *conn) NetConn() net.Conn {
	if x := c.ext; x != nil {
		return x.nc
	}
	return nil
}

// RemoteAddr implements transport.Conn.
func (c *conn) RemoteAddr() net.Addr {
	if x := c.ext; x != nil && x.remote != nil {
		return x.remote
	}
	return c.peer.addr()
}

// LocalAddr implements transport.Conn.
func (c *conn) LocalAddr() net.Addr {
	if x := c.ext; x != nil && x.nc != nil {
		return x.nc.LocalAddr()
	}
	local, _, err := netio.SockAddrs(int(c.fd))
	if err == nil && c.loop.r.real && c.word.Load()&ended == 0 { // the number was still ours, and not a later connection's
		return local
	}
	return c.loop.r.listener.Addr()
}
