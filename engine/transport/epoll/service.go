package epoll

import (
	"net"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// service does for c, which is not lent, what its state allows with these edges and those in its word. It reports whether
// w still holds the baton.
func (l *loop) service(w *worker, c *conn, edges uint32) bool {
	word := c.word.Load() | edges
	if word&aborted != 0 {
		l.close(c, net.ErrClosed, true)
		return true
	}
	switch c.state {
	case stateRead:
		if word&(evIn|evRun|evRdHup|evHup) != 0 {
			return l.readable(w, c, edges)
		}
	case statePause:
		c.word.Or(edges & evIn) // for when reading goes on
		switch {
		case word&evHup != 0:
			l.close(c, netio.ErrReset, false)
		case word&evRun != 0:
			return l.readable(w, c, 0)
		}
	case stateWrite, stateClose, stateFlush:
		c.word.Or(edges & evIn) // for when reading goes on
		if word&(evOut|evHup) != 0 {
			return l.writable(w, c)
		}
	case stateLinger:
		if word&(evIn|evHup) != 0 {
			l.discard(c)
		}
	}
	return true
}

// readable reads once and runs the session. A read that does not fill the space has drained the socket: the kernel
// reports the next byte with a new edge. edges are those that are not in c's word.
func (l *loop) readable(w *worker, c *conn, edges uint32) bool {
	w.enter(c, l.time)
	t := &w.turn
	if word := c.word.Load(); word&evRun != 0 {
		c.word.And(^evRun)
		if edges &= evIn; edges != 0 {
			c.word.Or(edges) // not used up
		}
	} else {
		if word&evIn != 0 {
			c.word.And(^evIn)
		}
		space := t.Space(inputMax)
		n, err := c.read(space)
		switch {
		case err == netio.ErrAgain:
			c.rest = w.leaveTurn()
			if l.r.draining.Load() && c.session.Idle() {
				l.retire(c)
			}
			return true
		case err != nil:
			c.rest = w.leaveTurn()
			l.close(c, err, false)
			return true
		case n == 0:
			t.EOF = true
			c.eof = true
		default:
			t.Filled(n)
			if n == len(space) {
				c.word.Or(evIn)
			}
		}
	}
	return l.advance(w, c)
}

// advance runs the session until it wants something from outside. It reports whether w still holds the baton.
func (l *loop) advance(w *worker, c *conn) bool {
	t := &w.turn
	for sent := 0; ; {
		if c.becoming {
			c.become()
		}
		next := c.session.Run(t)
		if c.word.Load()&lent != 0 {
			w.loop = nil
			w.giveBack(c, next)
			return false
		}
		if next == transport.Abort {
			c.rest = w.leaveTurn()
			l.close(c, net.ErrClosed, true)
			return true
		}
		if next == transport.Become {
			c.becoming, next = true, transport.Write
		}
		sent += len(t.Out)
		if !c.send(t) { // evOut may be set: then writable finds out that it is not so
			c.rest = w.leaveTurn()
			l.close(c, netio.ErrReset, false)
			return true
		}
		if next == transport.Write && c.out == nil && c.word.Load()&duplex == 0 {
			if sent < outPerTurn {
				continue // all of it has left
			}
			c.word.Or(evOut) // the others first: writable goes on
		}
		c.rest = w.leaveTurn()
		if next == transport.Own {
			l.lend(c)
			return true
		}
		l.settle(c, next)
		return true
	}
}

// settle brings c into the state that next asks for.
func (l *loop) settle(c *conn, next transport.Next) {
	switch next {
	case transport.Read, transport.Write:
		c.state = stateRead
		if next == transport.Write && c.out == nil && c.word.Load()&duplex != 0 {
			c.state = statePause
			if c.word.Load()&(evRun|evHup) != 0 {
				l.later(c)
			}
		} else if c.out != nil || next == transport.Write {
			c.state = stateWrite
		} else if c.eof {
			l.close(c, nil, false) // nothing more can come
			return
		} else if c.word.Load()&(evIn|evRdHup|evHup) != 0 {
			l.later(c)
		} else if l.r.draining.Load() && c.session.Idle() && l.retire(c) {
			return
		}
	case transport.Close:
		if c.out == nil {
			l.finish(c)
			return
		}
		c.state = stateClose
	case transport.Linger:
		if c.out == nil {
			l.linger(c)
			return
		}
		c.state = stateFlush
	}
	if c.state != stateRead && c.state != statePause && c.word.Load()&(evOut|evHup) != 0 {
		l.later(c)
	}
	l.arm(c)
}

// arm puts c into the wheel for the deadline of its state, if there is one.
func (l *loop) arm(c *conn) {
	at := c.writeAt.Load()
	if c.state.reads() {
		at = c.readAt.Load()
	}
	if at != 0 {
		l.wheel.link(c, at)
	}
}

// lend gives c, whose session has refused to run its next handler here, to a goroutine of its own.
func (l *loop) lend(c *conn) {
	ln := l.r.newLoan()
	l.lent.Add(1)
	c.loan.Store(ln)
	c.word.Or(lent)
	l.r.start(task{conn: c})
}

// writable sends what c has been keeping.
func (l *loop) writable(w *worker, c *conn) bool {
	if c.out != nil {
		c.word.And(^evOut)
		n, err := c.write(c.out.Bytes())
		if err == netio.ErrAgain {
			return true
		}
		if err != nil {
			l.close(c, err, false)
			return true
		}
		c.out.Skip(n)
		if c.out.Len() > 0 {
			c.word.Or(evOut) // until the kernel says Again, no edge will come
			l.later(c)
			return true
		}
		c.out.Free()
		c.out = nil
	}
	switch c.state {
	case stateClose:
		l.finish(c)
	case stateFlush:
		l.linger(c)
	default:
		c.state = stateRead
		w.enter(c, l.time)
		return l.advance(w, c)
	}
	return true
}
