package epoll

import (
	"net"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// linger ends our side and discards what the peer still sends, so that no reset overtakes the last answer.
func (l *loop) linger(c *conn) {
	c.closeWrite()
	c.state = stateLinger
	c.readAt.Store(l.now + int64(transport.LingerTimeout))
	if c.rest != nil {
		c.rest.Free()
		c.rest = nil
	}
	l.arm(c)
	if c.eof {
		l.close(c, nil, false)
		return
	}
	l.discard(c)
}

func (l *loop) discard(c *conn) {
	sink := transport.NewBuffer(transport.BufferMedium)
	defer sink.Free()
	for range 4 { // a flood has its turn again with the next edge or the deadline
		c.word.And(^evIn)
		n, err := c.read(sink.Sink())
		if err == netio.ErrAgain {
			return
		}
		if n == 0 || err != nil {
			l.close(c, nil, false)
			return
		}
	}
	c.word.Or(evIn)
	l.later(c)
}

// due looks at a connection whose time in the wheel has come.
func (l *loop) due(w *worker, c *conn) {
	if c.word.Load()&lent != 0 {
		return // its goroutine watches its deadlines; it is armed when it comes home
	}
	at := c.writeAt.Load()
	if c.state.reads() {
		at = c.readAt.Load()
	}
	if at == 0 {
		return
	}
	if at > l.now {
		l.wheel.link(c, at)
		return
	}
	if c.state != stateRead && c.state != statePause {
		l.close(c, net.ErrClosed, c.state != stateLinger)
		return
	}
	c.readAt.Store(0)
	w.enter(c, l.time)
	next := c.session.Expire(&w.turn)
	sent := c.send(&w.turn)
	c.rest = w.leaveTurn()
	if next == transport.Abort || !sent {
		l.close(c, net.ErrClosed, true)
		return
	}
	l.settle(c, next)
}

// finish ends c after its last answer. Input that nobody reads makes the close a reset, which can destroy the answer on its
// way (RFC 9112, section 9.6): then c lingers.
func (l *loop) finish(c *conn) {
	if !c.eof && c.unread() {
		l.linger(c)
		return
	}
	l.close(c, nil, false)
}

// retire ends c, which is idle: nothing of it waits to be sent. It reports false if there is a request that the poller has
// not told of yet: the loop may have been in a handler, or without a core, since it looked last. That is answered first.
func (l *loop) retire(c *conn) bool {
	if !c.eof && c.unread() {
		return false
	}
	if s, ok := c.session.(transport.Parting); ok {
		var t transport.Turn
		s.Part(&t)
		if len(t.Out) > 0 {
			c.write(t.Out)
		}
	}
	l.close(c, nil, false)
	return true
}

// close ends c. reset tells the peer that something was cut.
func (l *loop) close(c *conn, err error, reset bool) {
	if c.word.Load()&duplex != 0 {
		c.duplex().Ending()
	}
	c.word.Or(ended)
	c.shut(reset)
	c.session.Closed(err)
	l.free(c)
	l.conns.Add(-1)
	l.r.release()
}

// free frees what c has. Its descriptor is closed or somebody else's.
func (l *loop) free(c *conn) {
	l.wheel.unlink(c)
	if c.rest != nil {
		c.rest.Free()
		c.rest = nil
	}
	if c.out != nil {
		c.out.Free()
		c.out = nil
	}
	l.slots.give(c)
}

// cut ends an aborted connection: at once if it is here; if it is away, its peer is told and its goroutine is woken, and
// the rest happens when it comes home.
func (l *loop) cut(c *conn) {
	if c.word.Load()&lent == 0 {
		l.close(c, net.ErrClosed, true)
		return
	}
	if ln := c.loan.Load(); ln != nil {
		ln.mu.Lock()
		if !ln.hijacked {
			c.closeWrite()
		}
		ln.mu.Unlock()
		ln.wakeReader()
		ln.wakeWriter()
	}
	c.session.HangUp(true)
}
