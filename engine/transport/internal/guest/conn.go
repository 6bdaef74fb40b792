//go:build linux || darwin

package guest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// Loops is a library's side of all connections.
type Loops interface {
	// Enter puts sock's connection on a loop. When the loop has it, and before the first Deliver, c.Entered has been called,
	// and sock is closed. If it fails, which it reports to whom it may concern, sock may be closed or not.
	Enter(c *Conn, sock net.Conn)
}

// Seat is a connection's place on a loop.
type Seat interface {
	// Leave has the library close its descriptor, and call Left before. It is not called with a lock held, perhaps more than
	// once, perhaps after Left. It may call Left itself.
	Leave()
}

// Conn is a connection that a loop may have. It implements net.Conn.
type Conn struct {
	loops         Loops
	crew          *crew
	stays         bool // a loop does not let go of it before its end
	local, remote net.Addr
	readBy        atomic.Int64 // deadlines, Unix nanoseconds; 0: none
	writeBy       atomic.Int64

	mu     sync.Mutex // guards the following; taken last
	cond   sync.Cond  // of whoever waits in Read or Leave
	aboard bool       // a loop reads
	seat   Seat
	buf    *transport.Buffer // delivered and not read: this first,
	more   []byte            // then this
	end    error             // what Read says when all has been read, or c is closed
	closed bool
	waits  int         // goroutines in Read
	wake   func()      // of Rest
	timer  *time.Timer // for readBy while somebody waits; made when first needed
	armed  int64       // when it will fire; 0: not

	writing sync.Mutex // held by whoever writes; before fdMu

	fdMu  sync.Mutex // guards the following; before mu
	fd    int        // a descriptor for what needs no waiting; -1: none
	owned bool       // it is ours, not the library's
	sock  net.Conn   // a descriptor of ours in Go's own poller, or nil
}

// newConn returns a Conn for sock, which it takes over. It is ashore until it first rests.
func (r *Runner) newConn(sock net.Conn) *Conn {
	c := &Conn{loops: r.loops, crew: r.crew, stays: r.stays, local: copyOf(sock.LocalAddr()), remote: copyOf(sock.RemoteAddr()), fd: -1, sock: sock}
	c.cond.L = &c.mu
	return c
}

// copyOf: a library may write into the address of a Unix socket, or into one that has a zone.
func copyOf(a net.Addr) net.Addr {
	switch a := a.(type) {
	case *net.UnixAddr:
		if a != nil {
			v := *a
			return &v
		}
	case *net.TCPAddr:
		if a != nil && a.Zone != "" {
			v := *a
			return &v
		}
	}
	return a
}

// Entered is called by Loops.Enter: the loop's descriptor is fd. It reports false if the connection has been closed
// meanwhile; then the library must let go of it at once.
func (c *Conn) Entered(fd int, seat Seat) bool {
	c.fdMu.Lock()
	defer c.fdMu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.aboard, c.seat = true, seat
	c.fd, c.owned, c.sock = fd, false, nil
	return true
}

// Deliver is called by the loop with what it has read. It keeps a copy, and returns how many bytes now wait to be read.
func (c *Conn) Deliver(p []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(p) == 0 {
		return 0
	}
	if c.buf == nil && len(c.more) == 0 {
		c.buf = transport.Holding(p)
	} else {
		c.more = append(c.more, p...)
	}
	c.notify()
	n := len(c.more)
	if c.buf != nil {
		n += c.buf.Len()
	}
	return n
}

// Left is called by the loop, last, while its descriptor is open. err is io.EOF if the peer has ended its side, nil if
// the connection was asked to leave.
func (c *Conn) Left(err error) {
	c.fdMu.Lock()
	if fd := c.fd; fd >= 0 && !c.owned {
		c.fd = -1
		if c.sock == nil {
			if own, e := netio.Dup(fd); e == nil {
				c.fd, c.owned = own, true
			} else if err == nil {
				err = e
			}
		}
	}
	c.fdMu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aboard, c.seat = false, nil
	if c.end == nil {
		c.end = err
	}
	c.notify()
}

// Fail closes the connection with a reset. Who reads gets err.
func (c *Conn) Fail(err error) {
	c.SetLinger(0)
	c.close(err)
}

// notify is called with mu held: there is something to read, or nothing ever will be.
func (c *Conn) notify() {
	if wake := c.wake; wake != nil {
		c.wake = nil
		c.crew.run(wake)
	}
	if c.waits > 0 {
		c.cond.Broadcast()
	}
}

// drop forgets what was delivered. It is called with mu held.
func (c *Conn) drop() {
	if c.buf != nil {
		c.buf.Free()
		c.buf = nil
	}
	c.more = nil
}

// ready reports whether Read would not wait. It is called with mu held.
func (c *Conn) ready() bool {
	return c.buf != nil || len(c.more) > 0 || c.end != nil || c.closed || transport.Passed(c.readBy.Load())
}

// Rest has wake called, once and on a goroutine of its own, as soon as a Read would not wait, and puts the connection on a
// loop if it is not on one. It reports false, and does not call wake, if that is so already, or if somebody writes. Whoever
// calls it is the only reader.
func (c *Conn) Rest(wake func()) bool {
	c.mu.Lock()
	ready, aboard := c.ready(), c.aboard
	c.mu.Unlock()
	if ready || !c.writing.TryLock() {
		return false
	}
	if aboard {
		c.comeAboard()
	} else if sock, err := c.ashore(); err == nil {
		c.loops.Enter(c, sock) // if it fails, the reader finds out whether sock is still there
	}
	c.writing.Unlock()

	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.aboard || c.ready() {
		return false
	}
	c.wake = wake
	c.arm()
	return true
}

// comeAboard closes the descriptor that some write needed, if the loop still has its own.
func (c *Conn) comeAboard() {
	c.fdMu.Lock()
	defer c.fdMu.Unlock()
	if c.sock != nil && c.fd >= 0 && !c.owned {
		c.sock.Close()
		c.sock = nil
	}
}

// ashore returns the connection in Go's own poller.
func (c *Conn) ashore() (net.Conn, error) {
	c.fdMu.Lock()
	defer c.fdMu.Unlock()
	if c.sock != nil {
		return c.sock, nil
	}
	if c.fd < 0 {
		return nil, net.ErrClosed
	}
	fd := c.fd
	if c.owned {
		c.fd, c.owned = -1, false
	} else {
		var err error
		if fd, err = netio.Dup(fd); err != nil {
			return nil, err
		}
	}
	sock, err := netio.Conn(fd)
	if err != nil {
		return nil, err
	}
	sock.SetReadDeadline(transport.Time(c.readBy.Load()))
	sock.SetWriteDeadline(transport.Time(c.writeBy.Load()))
	c.sock = sock
	return sock, nil
}

// Leave takes the connection from its loop and out of c, which is closed then. It returns it with what has been read from it
// and by nobody here. A connection that stays remains c.
func (c *Conn) Leave() (net.Conn, []byte, error) {
	if c.stays {
		return c, nil, nil
	}
	sock, err := c.ashore()
	if err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if seat := c.seat; seat != nil {
		c.waits++
		c.mu.Unlock()
		seat.Leave()
		c.mu.Lock()
		for c.aboard {
			c.cond.Wait()
		}
		c.waits--
	}
	if c.closed {
		return nil, nil, net.ErrClosed
	}
	var rest []byte
	if c.buf != nil {
		rest = append(rest, c.buf.Bytes()...)
	}
	rest = append(rest, c.more...)
	c.drop()
	c.closed, c.end = true, net.ErrClosed
	return sock, rest, nil
}

// Close implements net.Conn.
func (c *Conn) Close() error { return c.close(net.ErrClosed) }

// close closes what is ours and has the loop close what is its. Reads give why from now on. Nobody is woken who could still
// write: nothing may be sent behind what the reader has lost.
func (c *Conn) close(why error) error {
	c.fdMu.Lock()
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		c.fdMu.Unlock()
		return net.ErrClosed
	}
	c.closed, c.end = true, why
	seat := c.seat
	c.drop()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	if c.owned {
		netio.CloseFD(c.fd)
	}
	c.fd, c.owned = -1, false
	if c.sock != nil {
		c.sock.Close()
	}
	c.fdMu.Unlock()

	c.mu.Lock()
	c.notify()
	c.mu.Unlock()
	if seat != nil {
		seat.Leave()
	}
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

var (
	_ net.Conn      = (*Conn)(nil)
	_ io.ReaderFrom = (*Conn)(nil)
)
