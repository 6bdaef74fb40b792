package portable

import (
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
}

// SetDuplex implements transport.Conn.
func (c *conn) SetDuplex(d transport.Duplex) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.duplex = &duplex{d: d}
}

// TryWrite implements transport.Conn. It takes up to transport.OutHigh bytes at a time.
func (c *conn) TryWrite(p [][]byte) (n int, err error) {
	x := c.duplex
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil || x.writing != nil {
		return 0, x.err
	}
	x.buf = x.buf[:0]
	for _, b := range p {
		k := min(len(b), transport.OutHigh-len(x.buf))
		x.buf = append(x.buf, b[:k]...)
	}
	if len(x.buf) > 0 {
		x.writing = make(chan struct{})
		go c.write(x.buf, x.writing)
	}
	return len(x.buf), nil
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
	x.d.Writable()
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

// Notify implements transport.Conn: a read that waits is woken by a deadline that is none of the session's.
func (c *conn) Notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.called = true
	c.nc.SetReadDeadline(time.Unix(1, 0)) // long ago
}

// answerCall reports whether a read was woken by Notify, and lets the session's deadline be in force again.
func (c *conn) answerCall() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	called := c.called
	if called {
		c.called = false
		c.nc.SetReadDeadline(c.readBy)
	}
	return called
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
		x.d.Drain()
	}
}
