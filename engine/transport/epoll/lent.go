package epoll

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// loan is what a connection needs while it is lent to a goroutine away from its loop: ways to wake that goroutine. A loop
// that looks at a stale one wakes somebody else for nothing, who looks again and waits on.
type loan struct {
	in, out chan struct{} // one token each: look again
	// mu guards hijacked, and the descriptor against being taken away while the loop shuts it.
	mu       sync.Mutex
	hijacked bool

	sent    int         // bytes of the turn's output that handOver has sent already
	scratch bool        // the goroutine keeps a large scratch buffer
	waited  atomic.Bool // it had to wait, or would have given the baton up
	key     uint64      // of the route
	began   time.Time   // when the handler began on its own goroutine; zero if it began on the loop
}

func (r *Runner) newLoan() *loan {
	ln, ok := r.loans.Get().(*loan)
	if !ok {
		return &loan{in: make(chan struct{}, 1), out: make(chan struct{}, 1)}
	}
	ln.mu.Lock() // a loop may hold it for the connection it served last
	ln.hijacked = false
	ln.mu.Unlock()
	ln.sent, ln.scratch, ln.began = 0, false, time.Time{}
	ln.waited.Store(false)
	return ln
}

func (ln *loan) wakeReader() { wake(ln.in) }
func (ln *loan) wakeWriter() { wake(ln.out) }

func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// serve runs a lent connection on w.
func (w *worker) serve(c *conn) {
	w.enter(c, time.Now())
	if c.out != nil {
		w.turn.Out = append(w.turn.Out, c.out.Bytes()...)
		c.out.Free()
		c.out = nil
	}
	w.giveBack(c, c.session.Run(&w.turn))
}

// giveBack ends w's time with the lent connection c: what can be sent is sent, the rest waits in c, and the loop is told
// if there is anything for it to do. Most handlers leave nothing: then the loop hears of c again with its next event.
func (w *worker) giveBack(c *conn, next transport.Next) {
	t := &w.turn
	l := c.loop
	ln := c.loan.Load()
	c.settle(t)
	if next == transport.Abort {
		t.Out = t.Out[:0]
	} else if next != transport.Gone && !c.send(t) {
		next = transport.Close
	}
	c.eof = t.EOF
	c.rest = w.leaveTurn()
	if ln.scratch {
		l.r.scratchLent.Add(-1)
	}
	quiet := false
	if next == transport.Become {
		c.becoming, next = true, transport.Write
	}
	switch next {
	case transport.Read, transport.Own:
		// Own cannot be: Begin accepts on a goroutine of its own. A session that says so anyway is run again.
		c.state = stateRead
		if c.out != nil {
			c.state = stateWrite
		} else if c.rest != nil {
			c.word.Or(evRun)
		} else {
			quiet = c.readAt.Load() == 0 && !c.eof
		}
	case transport.Write:
		c.state = stateWrite
		if c.out == nil && c.word.Load()&duplex != 0 {
			c.state = statePause
			quiet = c.readAt.Load() == 0
		}
	case transport.Close:
		c.state = stateClose
	case transport.Linger:
		c.state = stateFlush
	case transport.Abort:
		c.word.Or(aborted)
	case transport.Gone:
		c.state = stateGone
	}
	if quiet {
		for {
			word := c.word.Load()
			if word&^(lent|evOut|duplex|wantOut) != 0 {
				break
			}
			// lent counts up first and down last: a loop that reads it low never misses a handler that is out.
			if c.word.CompareAndSwap(word, word&^lent) {
				l.lent.Add(-1)
				l.r.loans.Put(ln)
				if l.r.draining.Load() {
					l.post(mail{sweep: sweepIdle})
				}
				return
			}
		}
	}
	l.post(mail{back: c})
}

// settle drops the front of t.Out that was sent when the baton was taken.
func (c *conn) settle(t *transport.Turn) {
	if ln := c.loan.Load(); ln.sent > 0 {
		t.Out = t.Out[ln.sent:]
		ln.sent = 0
	}
}

// await waits until one of the bits in ready is set, the deadline passes or the connection is cut.
func (c *conn) await(wake <-chan struct{}, ready uint32, deadline *atomic.Int64) error {
	c.loan.Load().waited.Store(true)
	var timer *time.Timer
	for {
		word := c.word.Load()
		if word&aborted != 0 {
			return net.ErrClosed
		}
		if word&ready != 0 {
			return nil
		}
		var expired <-chan time.Time
		if at := deadline.Load(); at != 0 {
			left := time.Duration(at - transport.Clock())
			if left <= 0 {
				return os.ErrDeadlineExceeded
			}
			if timer == nil {
				timer = time.NewTimer(left)
				defer timer.Stop()
			} else {
				timer.Reset(left)
			}
			expired = timer.C
		}
		select {
		case <-wake:
		case <-expired:
		}
	}
}

// failed is what a call on the socket that failed comes to: an error that cut brought about, by shutting the socket while the call
// was being made, is that of a connection that is cut.
func (c *conn) failed(err error) error {
	if c.word.Load()&aborted != 0 {
		return net.ErrClosed
	}
	return err
}

// Fill implements transport.Conn. What has arrived already is read under the baton; only waiting gives it up.
func (c *conn) Fill(t *transport.Turn) error {
	_, err := c.input(func() (int, error) {
		space := t.Space(inputMax)
		n, err := c.read(space)
		if n > 0 {
			t.Filled(n)
			if n == len(space) {
				c.word.Or(evIn)
			}
		}
		return n, err
	})
	if err == io.EOF {
		t.EOF = true
	}
	return err
}

// Read implements transport.Conn.
func (c *conn) Read(t *transport.Turn, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.input(func() (int, error) {
		n, err := c.read(p)
		if n == len(p) {
			c.word.Or(evIn)
		}
		return n, err
	})
	if err == io.EOF {
		t.EOF = true
	}
	return n, err
}

func (c *conn) input(read func() (int, error)) (int, error) {
	for {
		if transport.Passed(c.readAt.Load()) {
			return 0, os.ErrDeadlineExceeded
		}
		if c.word.Load()&aborted != 0 {
			return 0, net.ErrClosed
		}
		c.word.And(^evIn)
		n, err := read()
		switch {
		case err == nil && n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case err != netio.ErrAgain:
			return 0, c.failed(err)
		}
		if !c.leave() {
			return 0, net.ErrClosed
		}
		if err := c.await(c.loan.Load().in, evIn|evHup, &c.readAt); err != nil {
			return 0, err
		}
	}
}

// Hijack implements transport.Conn. After an error the connection is as it was.
func (c *conn) Hijack(t *transport.Turn) (nc net.Conn, err error) {
	if err := c.Flush(t); err != nil {
		return nil, err
	}
	r := c.loop.r
	ln := c.loan.Load()
	ln.mu.Lock()
	defer ln.mu.Unlock()
	nc = c.NetConn()
	known := nc != nil
	if !known {
		if nc, err = r.netConn(int(c.fd)); err != nil {
			return nil, err
		}
	}
	if err := c.unwatch(); err != nil {
		if !known {
			nc.Close()
		}
		return nil, err
	}
	if !known {
		c.word.Or(ended)
		r.kernel.Close(int(c.fd))
	}
	ln.hijacked = true
	c.loop.conns.Add(-1) // nobody waits for it any more, though its handler may go on for hours
	r.release()
	return nc, nil
}
