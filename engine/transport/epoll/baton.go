package epoll

import (
	"runtime"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// A loop's baton is one number: a sequence number, counted up with every handler that begins, and what the
// holder is doing. It moves in four ways:
//
//	the monitor takes it      from a handler that has not returned        held → handler → taking → held (spare)
//	the handler gives it up   because it is about to wait: Fill, Flush, … held → handler → taking → held (spare)
//	the route is known        Begin refuses, the connection is lent       held throughout
//	the goroutine ends        runtime.Goexit in a handler                 held → handler → held (spare)
//
// A handler that says it stays (Conn.Stay) is not taken from, but may still give the baton up itself.
//
// Only the change from handler to taking can be contended, and the sequence number makes it safe: who was late finds
// another number. Whoever made it is alone with the loop and the running connection until it stores held.
const (
	held    = 0 // the holder does the loop's own work
	handler = 1 // the holder is inside a handler: the baton may be taken
	taking  = 2 // being taken
	staying = 3 // inside a handler, which keeps the baton however long it takes

	doingBits = 2
)

// Begin implements transport.Conn.
func (c *conn) Begin(t *transport.Turn, method, path []byte) bool {
	l := c.loop
	r := l.r
	if c.word.Load()&lent != 0 {
		ln := c.loan.Load()
		ln.key = routeKey(method, path)
		ln.began = time.Now()
		t.Pin()
		if c.word.Load()&duplex != 0 {
			c.duplex().Lent()
		}
		return true
	}
	if r.routes.any.Load() && r.routes.slow(routeKey(method, path)) || r.scratchLent.Load() >= scratchLentMax {
		return false
	}
	t.Pin()
	l.running, l.method, l.path, l.before = c, method, path, t.Out
	l.seq++
	c.seq = l.seq
	l.baton.Store(l.seq<<doingBits | handler)
	r.monitor.poke()
	return true
}

// End implements transport.Conn.
func (c *conn) End(t *transport.Turn) bool {
	t.Unpin()
	l := c.loop
	if c.word.Load()&lent == 0 && (l.baton.CompareAndSwap(c.seq<<doingBits|handler, c.seq<<doingBits|held) ||
		l.baton.CompareAndSwap(c.seq<<doingBits|staying, c.seq<<doingBits|held)) {
		return false
	}
	for c.word.Load()&lent == 0 {
		runtime.Gosched() // it is being taken this moment
	}
	ln := c.loan.Load()
	if !ln.began.IsZero() {
		l.r.routes.ran(ln.key, time.Since(ln.began), ln.waited.Load())
	}
	return true
}

// Stay implements transport.Conn. Coming too late, when the baton is being taken, it changes nothing.
func (c *conn) Stay(*transport.Turn) {
	if c.word.Load()&lent == 0 {
		c.loop.baton.CompareAndSwap(c.seq<<doingBits|handler, c.seq<<doingBits|staying)
	}
}

// Leave implements transport.Conn. A connection that is lent already will be the next time, too.
func (c *conn) Leave(*transport.Turn) {
	if c.word.Load()&lent != 0 {
		c.loan.Load().waited.Store(true)
		return
	}
	c.leave()
}

// leave gives the baton up if the calling handler's goroutine has it, and reports whether the connection is now lent.
// It is false only for a call that comes too late, when the handler has returned.
func (c *conn) leave() bool {
	l := c.loop
	for c.word.Load()&lent == 0 {
		seq := c.seq
		if l.baton.CompareAndSwap(seq<<doingBits|handler, seq<<doingBits|taking) ||
			l.baton.CompareAndSwap(seq<<doingBits|staying, seq<<doingBits|taking) {
			l.handOver()
			return true
		}
		if l.baton.Load() == seq<<doingBits|held {
			return c.word.Load()&lent != 0 // taken in between, or the handler has returned
		}
		runtime.Gosched()
	}
	return true
}

// handOver lends the running connection to the goroutine that runs it, and gives the loop to a spare. The caller has
// brought the baton to taking.
func (l *loop) handOver() {
	c := l.running
	ln := l.r.newLoan()
	// Finished answers to earlier requests of the same batch must not wait for this one's.
	if len(l.before) > 0 {
		c.word.And(^evOut)
		if n, err := c.write(l.before); err == nil {
			ln.sent = n
		}
	}
	ln.key = routeKey(l.method, l.path)
	ln.scratch = true
	l.r.routes.overran(ln.key)
	l.r.scratchLent.Add(1)
	l.lent.Add(1)
	l.running, l.method, l.path, l.before = nil, nil, nil, nil
	c.loan.Store(ln)
	c.word.Or(lent)
	word := c.word.Load()
	l.baton.Store(c.seq<<doingBits | held)
	if word&duplex != 0 {
		c.duplex().Lent() // as long as nobody runs the loop, the connection cannot end
	}
	l.r.start(task{loop: l})
}
