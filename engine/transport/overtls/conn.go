package overtls

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// Conn is one connection as the session above TLS sees it.
type Conn struct {
	// Fixed from open on.
	outer transport.Conn
	nc    net.Conn // outer's, which hooks may keep for ever; nil: there is none
	layer *Layer
	inner transport.Session
	tls   *tls.Conn

	// The owner's.
	turn     *transport.Turn   // the transport's, while one runs
	desk     *desk             // while a turn runs
	rest     *transport.Buffer // plaintext that the session has not consumed; nil when there is none
	over     error             // what ended the input: io.EOF, or why it cannot be read; final
	accepted int64             // by transport.Nanos
	readBy   int64             // the session's read deadline, until the handshake has ended
	record   int               // how much of the record at the front of turn.In has not been handed out
	state    state
	again    bool // the session has not seen what is at hand
	more     bool // there may be plaintext in tls
	lent     bool // the turn's goroutine runs no loop any more
	waits    bool // wire.Read waits

	// Any goroutine's.
	crowded atomic.Bool // the handshake has been cut to make room
	seen    atomic.Pointer[tls.ConnectionState]
	raw     atomic.Pointer[rawConn] // after Hijack
	duplex  *duplex                 // after an upgrade; set by the owner

	sending atomic.Bool // crypto/tls writes what it is asked to; else it answers its peer
	flooded atomic.Bool // with more than is kept

	mu      sync.Mutex // guards the following, and raw's change
	parted  bool       // outer is another connection's, or soon will be
	out     []byte     // ciphertext that is not in turn.Out yet
	answers int        // bytes of what waits to be sent that crypto/tls has written by itself
}

var _ transport.Conn = (*Conn)(nil)

// state is where a connection stands. Each line lists the exits.
//
//	stateHello  the first record is not whole → stateShake | stateEnd (peer gone, deadline)
//	stateShake  the handshake has a goroutine → stateOpen | stateEnd (failed) | stateGone (another protocol's)
//	stateOpen   records to plaintext and back → stateEnd | stateGone (hijacked)
//	stateEnd    nothing more is read; terminal
//	stateGone   no transport's; terminal
type state uint8

const (
	stateHello state = iota
	stateShake
	stateOpen
	stateEnd
	stateGone
)

// State returns what is known of the connection's TLS, one value for all calls; nil before the handshake has ended.
// Any goroutine.
func (c *Conn) State() *tls.ConnectionState {
	if s := c.seen.Load(); s != nil {
		return s
	}
	s := c.tls.ConnectionState()
	if !s.HandshakeComplete {
		return nil
	}
	c.seen.CompareAndSwap(nil, &s)
	return c.seen.Load()
}

// Begin implements transport.Conn. What earlier requests have left is finished, so it is made ready to be sent.
func (c *Conn) Begin(t *transport.Turn, method, path []byte) bool {
	c.encrypt(t)
	c.collect()
	if !c.outer.Begin(c.turn, method, path) {
		return false
	}
	c.turn.Unpin() // nobody has a view of ciphertext
	t.Pin()
	return true
}

// End implements transport.Conn.
func (c *Conn) End(t *transport.Turn) bool {
	t.Unpin()
	if c.outer.End(c.turn) {
		c.lent = true
	}
	return c.lent
}

// Stay implements transport.Conn.
func (c *Conn) Stay(*transport.Turn) { c.outer.Stay(c.turn) }

// Leave implements transport.Conn.
func (c *Conn) Leave(*transport.Turn) { c.outer.Leave(c.turn) }

// SetReadDeadline implements transport.Conn. Until the handshake has ended its own deadline is what counts, and the
// session's waits for its turn.
func (c *Conn) SetReadDeadline(at time.Time) {
	if c.state != stateHello {
		c.outer.SetReadDeadline(at)
		return
	}
	c.readBy = transport.Nanos(at)
}

// SetWriteDeadline implements transport.Conn.
func (c *Conn) SetWriteDeadline(at time.Time) {
	if c.state != stateHello {
		c.outer.SetWriteDeadline(at)
	}
}

// Watch implements transport.Conn.
func (c *Conn) Watch(*transport.Turn) { c.outer.Watch(c.turn) }

// HungUp implements transport.Conn.
func (c *Conn) HungUp() bool { return c.outer.HungUp() }

// Notify implements transport.Conn.
func (c *Conn) Notify() { c.outer.Notify() }

// Loop implements transport.Conn.
func (c *Conn) Loop() transport.Loop { return c.outer.Loop() }

// Abort implements transport.Conn.
func (c *Conn) Abort() { c.outer.Abort() }

// NetConn implements transport.Conn: a *tls.Conn, if the transport has anything.
func (c *Conn) NetConn() net.Conn {
	if c.lasting() == nil {
		return nil
	}
	return c.tls
}

// RemoteAddr implements transport.Conn. It is right after Hijack, too.
func (c *Conn) RemoteAddr() net.Addr {
	if nc := c.lasting(); nc != nil {
		return nc.RemoteAddr()
	}
	return c.outer.RemoteAddr()
}

// LocalAddr implements transport.Conn. It is right after Hijack, too.
func (c *Conn) LocalAddr() net.Addr {
	if nc := c.lasting(); nc != nil {
		return nc.LocalAddr()
	}
	return c.outer.LocalAddr()
}

// lasting is what may be asked when the connection has ended, or nil: there is only outer.
func (c *Conn) lasting() net.Conn {
	if raw := c.raw.Load(); raw != nil {
		return raw.nc
	}
	return c.nc
}
