package portable

import (
	"net"
	"os"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// duplex makes output without waiting out of a net.Conn, whose Write waits: what is given is written by a goroutine that
// exists while there is something to write.
type duplex struct {
	d transport.Duplex

	mu      sync.Mutex // guards the following
	buf     []byte
	writing chan struct{} // closed when the goroutine ends; nil: there is none
	err     error         // final

	telling sync.Mutex // held while d is told something, so that nothing follows Ending; guards the following
	ended   bool
}

// become brings in the session's successor.
func (c *conn) become() {
	p := c.session.(transport.Successor).Successor()
	c.mu.Lock()
	c.session, c.duplex = p, &duplex{d: p}
	c.mu.Unlock()
	if c.r.stopped() {
		go c.drain() // the runner's call may have come too early for it
	}
}

// TryWrite implements transport.Conn. What the net.Conn cannot take without waiting is given to a goroutine, up to
// transport.OutHigh bytes at a time.
func (c *conn) TryWrite(p [][]byte) (n int, err error) {
	x := c.duplex
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil || x.writing != nil {
		return 0, x.err
	}
	for len(p) > 0 {
		x.buf = x.buf[:0]
		for len(p) > 0 && len(x.buf) < transport.OutHigh {
			k := min(len(p[0]), transport.OutHigh-len(x.buf))
			x.buf = append(x.buf, p[0][:k]...)
			if p[0] = p[0][k:]; len(p[0]) == 0 {
				p = p[1:]
			}
		}
		n += len(x.buf)
		now := 0
		if c.rester != nil {
			if now, err = c.rester.WriteNow(x.buf); err != nil {
				x.err = c.fault(err)
				go c.unpaused()
				return 0, x.err
			}
		}
		if now < len(x.buf) {
			x.writing = make(chan struct{})
			go c.write(x.buf[now:], x.writing)
			break
		}
	}
	if x.writing == nil {
		x.buf = nil
	}
	return n, nil
}

func (c *conn) write(p []byte, done chan struct{}) {
	_, err := c.nc.Write(p)
	x := c.duplex
	x.mu.Lock()
	if err != nil {
		x.err = c.fault(err)
	}
	x.buf, x.writing = nil, nil
	close(done)
	x.mu.Unlock()
	x.tell(x.d.Writable)
	if err != nil {
		c.unpaused()
	}
}

// unpaused ends a pause: the output has failed.
func (c *conn) unpaused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unpause()
}

// failed returns the error after which nothing can be sent, or nil.
func (x *duplex) failed() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

func (x *duplex) tell(what func()) {
	x.telling.Lock()
	defer x.telling.Unlock()
	if !x.ended {
		what()
	}
}

// end is the last that d is told.
func (x *duplex) end() {
	x.tell(func() {
		x.d.Ending()
		x.ended = true
	})
}

// join waits until what was taken is written. A peer that does not read is given transport.LingerTimeout.
func (x *duplex) join() {
	x.mu.Lock()
	done := x.writing
	x.mu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-time.After(transport.LingerTimeout):
	}
}

// Notify implements transport.Conn: a wait between two Runs is woken, a read by a deadline that is none of the session's.
// While the session runs the call is only noted: the next wait finds it.
func (c *conn) Notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.called = true
	if c.waiting {
		c.nc.SetReadDeadline(time.Unix(1, 0)) // long ago
	}
	c.unpause()
}

// unpause is called with mu held.
func (c *conn) unpause() {
	if c.paused != nil {
		close(c.paused)
		c.paused = nil
	}
}

// pause waits for Notify, with nothing being read. That the peer is gone is found out by writing.
func (c *conn) pause() error {
	c.mu.Lock()
	if over, err := c.resumes(); over {
		c.mu.Unlock()
		return err
	}
	paused := make(chan struct{})
	c.paused = paused
	by := c.readBy
	c.mu.Unlock()

	var passed <-chan time.Time
	if !by.IsZero() {
		timer := time.NewTimer(time.Until(by))
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-paused:
	case <-passed:
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = nil
	if over, err := c.resumes(); over {
		return err
	}
	return os.ErrDeadlineExceeded
}

// resumes reports whether a pause is over before its deadline. It is called with mu held.
func (c *conn) resumes() (over bool, err error) {
	if c.cut.Load() {
		return true, net.ErrClosed
	}
	if c.called {
		c.called = false
		return true, nil
	}
	err = c.duplex.failed()
	return err != nil, err
}

// Loop implements transport.Conn. All connections live in one place.
func (c *conn) Loop() transport.Loop { return c.r }

// Post implements transport.Loop.
func (r *runner) Post(f func()) { go f() }

// drain tells the connection's session that the server stops.
func (c *conn) drain() {
	c.mu.Lock()
	x := c.duplex
	c.mu.Unlock()
	if x != nil {
		x.tell(x.d.Drain)
	}
}
