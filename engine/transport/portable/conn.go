package portable

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// conn is one connection; it implements transport.Conn for its session.
type conn struct {
	r       *runner
	nc      net.Conn
	session transport.Session

	// The goroutine's, that is, of serve and of what the session calls.
	t   transport.Turn
	end error // why the connection ended

	// Any goroutine's.
	gone     atomic.Bool // the peer has ended its side or is gone, or the connection is cut
	cut      atomic.Bool
	hijacked atomic.Bool

	mu      sync.Mutex    // guards the following
	waiting bool          // between two Runs: it may be closed if the session is idle
	retired *time.Timer   // by closeIdle; it ends the wait of a net.Conn that has no deadlines
	watcher chan struct{} // closed when the reads in the background end; nil: there are none
	arrived chan struct{} // one token: look at ahead
	buf     []byte        // the read in the background's
	ahead   []byte        // what it got and nobody has taken yet
	readErr error         // final
	readBy  time.Time     // the session's read deadline
	called  bool          // Notify has been called and not been answered by a Run
	paused  chan struct{} // closed by Notify, and when the connection is cut; nil: the goroutine is not in pause

	duplex *duplex // nil for most; set by the goroutine

	rester rester // nc, if it can rest, or nil
	wake   func() // starts resume
}

func newConn(r *runner, nc net.Conn) *conn {
	c := &conn{r: r, nc: nc}
	if rester, ok := nc.(rester); ok {
		c.rester, c.wake = rester, c.resume
	}
	return c
}

// Begin implements transport.Conn: the goroutine is the connection's own. There is no loop for a handler to lose, so it has
// none from the beginning.
func (c *conn) Begin(t *transport.Turn, _, _ []byte) bool {
	t.Pin()
	if c.duplex != nil {
		c.duplex.d.Lent()
	}
	return true
}

// End implements transport.Conn.
func (c *conn) End(t *transport.Turn) bool {
	t.Unpin()
	return false
}

// SetReadDeadline implements transport.Conn.
func (c *conn) SetReadDeadline(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy = at
	if !c.waiting || !c.called {
		c.nc.SetReadDeadline(at)
	}
}

// SetWriteDeadline implements transport.Conn.
func (c *conn) SetWriteDeadline(at time.Time) { c.nc.SetWriteDeadline(at) }

// HungUp implements transport.Conn.
func (c *conn) HungUp() bool { return c.gone.Load() }

// NetConn implements transport.Conn.
func (c *conn) NetConn() net.Conn { return c.nc }

// noAddr stands in for the address of a connection that has none.
type noAddr struct{}

func (noAddr) Network() string { return "" }
func (noAddr) String() string  { return "" }

// RemoteAddr implements transport.Conn. It takes as long as the net.Conn's does.
func (c *conn) RemoteAddr() net.Addr {
	if a := c.nc.RemoteAddr(); a != nil {
		return a
	}
	return noAddr{}
}

// LocalAddr implements transport.Conn.
func (c *conn) LocalAddr() net.Addr {
	if a := c.nc.LocalAddr(); a != nil {
		return a
	}
	return noAddr{}
}

// Stay implements transport.Conn: the goroutine is the connection's own.
func (c *conn) Stay(*transport.Turn) {}

// Leave implements transport.Conn.
func (c *conn) Leave(*transport.Turn) {}

// Abort implements transport.Conn.
func (c *conn) Abort() { c.shut(true) }

// shut closes the connection under whoever uses it, with a reset where there is one.
func (c *conn) shut(reset bool) {
	if c.hijacked.Load() || c.cut.Swap(true) {
		return
	}
	c.gone.Store(true)
	if l, ok := c.nc.(interface{ SetLinger(int) error }); ok && reset {
		l.SetLinger(0)
	}
	c.nc.Close()
	c.mu.Lock()
	c.unpause()
	c.mu.Unlock()
}

// closeIdle has the connection's goroutine close it if it waits and its session is idle. That the session may be asked here
// follows from waiting: its goroutine does not touch it between setting and clearing that.
func (c *conn) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting && c.retired == nil && c.session.Idle() {
		c.nc.SetReadDeadline(time.Unix(1, 0)) // long ago
		c.retired = time.AfterFunc(retireMax, func() { c.nc.Close() })
	}
}

// fault makes an error of the net.Conn one of those that transport.Conn promises. Some net.Conns have a word of their
// own for a passed deadline and for having been closed.
func (c *conn) fault(err error) error {
	if c.cut.Load() {
		return net.ErrClosed
	}
	if isTimeout(err) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return err
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}
