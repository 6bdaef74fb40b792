package engine

import (
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/httpparse"
)

// Conn is one connection, as handlers and hooks see it.
type Conn struct {
	// Fixed from accept on.
	conn transport.Conn
	sv   *serving

	// The owner's.
	value   any                // the handler layer's
	partial *httpparse.Request // what is known of a head whose end has not come; else nil
	since   int64              // Unix nanoseconds: when the head's first byte came; for the first head, the accept
	phase   phase
	stray   bool // the last request had a body: an empty line may follow it

	// Any goroutine's.
	marks atomic.Uint32 // markX
	aside atomic.Pointer[aside]
	ctx   atomic.Pointer[Context] // of the running exchange
}

// aside is what not every connection has. It is replaced, never changed.
type aside struct {
	remote   string             // RemoteAddr().String()
	peer     netip.AddrPort     // RemoteAddrPort()
	protocol transport.Protocol // what serves the connection after an upgrade
	nc       net.Conn           // NetConn(); after Hijack what that has returned

	tls *tls.ConnectionState // of a connection with a TLS of its own
}

// session is Conn as its transport sees it: a type of its own, so that what only a transport may call is not among
// what handlers can call.
type session Conn

var _ transport.Session = (*session)(nil)

// phase is where a connection stands. Each line lists the exits.
//
//	phaseFresh  no byte has come yet, or only
//	            such as HTTP/2 begins with      → phaseHead | phaseGone | phaseEnd (peer gone, deadline)
//	phaseHead   a head has begun                → phaseServe | phaseOwn | phaseEnd (refused, peer gone, deadline)
//	phaseOwn    a head is whole, its handler
//	            wants a goroutine of its own    → phaseServe
//	phaseServe  a handler runs                  → phaseSent | phaseNext | phaseEnd | phaseGone | phaseUpgraded
//	phaseSent   answered; a hook waits for the
//	            answer to leave                 → phaseNext
//	phaseNext   answered; there may be input    → phaseHead | phaseIdle
//	phaseIdle   waiting for the next head       → phaseHead | phaseEnd (peer gone, deadline)
//	phaseEnd    nothing more is read; terminal
//	phaseGone   hijacked; terminal
//	phaseUpgraded  answered; another protocol's
//	            turn comes when it has left     → (Successor)
type phase uint8

const (
	phaseFresh phase = iota
	phaseHead
	phaseOwn
	phaseServe
	phaseSent
	phaseNext
	phaseIdle
	phaseEnd
	phaseGone
	phaseUpgraded
)

// Bits of Conn.marks.
const (
	markRead   uint32 = 1 << iota // a read deadline is set
	markWrite                     // a write deadline is set
	markReset                     // the peer is gone; stays
	markClosed                    // conn is somebody else's; set under serving.closing
)

// LocalAddr returns our address; never nil. It may cost a system call. Any goroutine, any time: a request's context may
// be asked when the connection is long gone. Then it is the listener's address.
func (c *Conn) LocalAddr() net.Addr {
	c.sv.closing.RLock()
	defer c.sv.closing.RUnlock()
	if c.marks.Load()&markClosed != 0 {
		return c.sv.listener.Addr()
	}
	return c.conn.LocalAddr()
}

// change replaces what is aside.
func (c *Conn) change(f func(*aside)) {
	for {
		was := c.aside.Load()
		next := new(aside)
		if was != nil {
			*next = *was
		}
		if f(next); c.aside.CompareAndSwap(was, next) {
			return
		}
	}
}

// protocol returns what serves the connection after an upgrade, or nil.
func (c *Conn) protocol() transport.Protocol {
	if a := c.aside.Load(); a != nil {
		return a.protocol
	}
	return nil
}

// NetConn returns a net.Conn that stands for the connection in hooks, always the same one, or nil unless
// Server.NetConns is set. Reading or writing it corrupts the connection. After Exchange.Hijack there is one in any case. Any
// goroutine, any time.
func (c *Conn) NetConn() net.Conn {
	if a := c.aside.Load(); a != nil {
		return a.nc
	}
	return nil
}

// lasts notes a net.Conn that is this connection's for ever: the transport's is another one's when this one has ended.
func (c *Conn) lasts(nc net.Conn) {
	if nc != nil && c.NetConn() == nil {
		c.change(func(a *aside) { a.nc = nc })
	}
}

// Value returns what SetValue attached, or nil. For hooks and the handler.
func (c *Conn) Value() any { return c.value }

// SetValue attaches v to the connection until its end. For hooks and the handler.
func (c *Conn) SetValue(v any) { c.value = v }

// Listener returns the listener that was given to Serve.
func (c *Conn) Listener() net.Listener { return c.sv.listener }

// HangUp says that the peer is gone, so that the context of a request that runs ends. It is for whoever makes connections
// that are not sockets: a transport that watches by reading does not see it as long as there is a body to be read.
// Any goroutine, any time.
func (c *Conn) HangUp() { (*session)(c).HangUp(true) }

// enter tells the hook, if there is one. It reports false if that has panicked, which ends the connection and, as in net/http,
// nothing else.
func (c *Conn) enter(s ConnState) (ok bool) {
	hook := c.sv.s.Hooks.State
	if hook == nil {
		return true
	}
	defer func() {
		if !ok {
			c.panicked(recover())
		}
	}()
	hook(c, s)
	return true
}

// panicked counts a panic and, unless it is a goroutine that ends itself, logs it.
func (c *Conn) panicked(value any) {
	c.sv.s.counters.panics.Add(1)
	if value != nil {
		stack := make([]byte, panicStackMax)
		c.sv.logf("http: panic serving %v: %v\n%s", c.Remote(), value, stack[:runtime.Stack(stack, false)])
	}
}

// setReadDeadline and setWriteDeadline are the session's own; d is added to now, and d <= 0 lifts the
// deadline, if there is one: a connection that never had a deadline never pays for lifting it.
func (c *Conn) setReadDeadline(now time.Time, d time.Duration) {
	if d > 0 {
		c.mark(markRead)
		c.conn.SetReadDeadline(now.Add(d))
	} else if c.marks.Load()&markRead != 0 {
		c.marks.And(^markRead)
		c.conn.SetReadDeadline(time.Time{})
	}
}

func (c *Conn) setWriteDeadline(now time.Time, d time.Duration) {
	if d > 0 {
		c.mark(markWrite)
		c.conn.SetWriteDeadline(now.Add(d))
	} else if c.marks.Load()&markWrite != 0 {
		c.marks.And(^markWrite)
		c.conn.SetWriteDeadline(time.Time{})
	}
}

// mark sets a bit of marks, which mostly is set: then no other processor's cache line is taken.
func (c *Conn) mark(bit uint32) {
	if c.marks.Load()&bit == 0 {
		c.marks.Or(bit)
	}
}

// open makes the session of an accepted connection. It runs on the accepting goroutine and asks nothing of the
// connection that may block (the address of a connection behind a proxy header may be read from the peer).
func (sv *serving) open(tc transport.Conn) transport.Session {
	now := time.Now()
	c := &Conn{conn: tc, sv: sv, since: transport.Nanos(now)}
	c.lasts(tc.NetConn())
	sv.s.counters.accepted.Add(1)
	sv.s.counters.open.Add(1)
	if hook := sv.s.Hooks.Opened; hook != nil {
		hook(c)
	}
	c.setReadDeadline(now, sv.headTimeout)
	return (*session)(c)
}

// Idle implements transport.Session. A connection that has not sent anything for a while is as good as idle; one that
// has more input at hand than its last request is not.
func (s *session) Idle() bool {
	switch s.phase {
	case phaseIdle:
		return true
	case phaseFresh:
		return transport.Clock()-s.since > int64(freshIdleAfter)
	}
	return false
}

// Expire implements transport.Session: the deadline of a head or of the wait for one has passed. Between requests there is
// nobody to talk to.
func (s *session) Expire(t *transport.Turn) transport.Next {
	begun := s.phase == phaseHead
	s.phase = phaseEnd
	if begun && s.sv.s.AnswerTimeouts {
		t.Out = appendRefusal(t.Out, 408, "")
		return transport.Linger
	}
	return transport.Close
}

// HangUp implements transport.Session. Any goroutine.
func (s *session) HangUp(reset bool) {
	if reset {
		s.marks.Or(markReset)
	}
	if ctx := s.ctx.Load(); ctx != nil {
		ctx.hangUp(reset)
	}
}

// Closed implements transport.Session.
func (s *session) Closed(err error) {
	c := (*Conn)(s)
	if p := c.protocol(); p != nil { // whose turn has not come
		s.Successor().Closed(err)
		return
	}
	if c.partial != nil {
		putParser(c.partial)
		c.partial = nil
	}
	c.phase = phaseEnd
	c.sv.s.counters.open.Add(-1)
	c.enter(StateClosed)
	c.part()
}

// Successor implements transport.Successor.
func (s *session) Successor() transport.Protocol {
	c := (*Conn)(s)
	c.sv.s.counters.open.Add(-1)
	c.part()
	return c.protocol()
}

// part notes that the transport's connection is not ours any more.
func (c *Conn) part() {
	c.sv.closing.Lock()
	c.marks.Or(markClosed)
	c.sv.closing.Unlock()
}
