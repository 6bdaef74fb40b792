package portable

import (
	"io"
	"net"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// Fill implements transport.Conn.
func (c *conn) Fill(t *transport.Turn) error {
	// A read in the background that is still under way is as good as one of ours, and needs no buffer of ours.
	c.join()
	n, err := c.read(t.Space(inputMax))
	if err != nil {
		if err == io.EOF {
			t.EOF = true
		}
		return err
	}
	t.Filled(n)
	return nil
}

// Read implements transport.Conn.
func (c *conn) Read(t *transport.Turn, p []byte) (int, error) {
	c.join()
	n, err := c.read(p)
	if err == io.EOF {
		t.EOF = true
	}
	return n, err
}

// read returns at least one byte, or an error. As long as there is a read in the background, what that gets comes first.
func (c *conn) read(p []byte) (int, error) {
	for range emptyReadsMax {
		c.mu.Lock()
		n, err, watched := copy(p, c.ahead), c.readErr, c.watcher != nil
		c.ahead = c.ahead[n:]
		c.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case watched:
			c.join()
			continue
		case err == nil:
			n, err = c.nc.Read(p)
		}
		if err != nil {
			c.failed(err)
			err = c.fault(err)
		}
		if n > 0 {
			return n, nil // the error will be told again
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// failed remembers a final error of reading.
func (c *conn) failed(err error) {
	if isTimeout(err) {
		return
	}
	c.gone.Store(true)
	c.mu.Lock()
	c.readErr = err
	c.mu.Unlock()
}

// Watch implements transport.Conn: reads in the background, into a buffer. They end with the peer, with the buffer, or with
// Hijack. Bytes are kept and mean nothing: they may be the next request, or the farewell of a layer below, behind which
// the end is still to come. If they outlive the handler, the next wait for input is simply a wait for them. They have no
// deadline: that of the body is over, that of the next head has not begun.
func (c *conn) Watch(*transport.Turn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watcher != nil || len(c.ahead) > 0 || c.readErr != nil || c.cut.Load() || c.hijacked.Load() {
		return
	}
	if c.buf == nil {
		c.buf = make([]byte, aheadSize)
	}
	c.nc.SetReadDeadline(time.Time{})
	c.watcher, c.arrived = make(chan struct{}), make(chan struct{}, 1)
	go c.watch(c.watcher, c.arrived)
}

func (c *conn) watch(done, arrived chan struct{}) {
	var err error
	for end := 0; err == nil && end < len(c.buf); {
		var n int
		n, err = c.nc.Read(c.buf[end:])
		if err != nil {
			c.failed(err)
		}
		c.mu.Lock()
		c.ahead = c.buf[end-len(c.ahead) : end+n]
		c.mu.Unlock()
		end += n
		select {
		case arrived <- struct{}{}:
		default:
		}
	}
	c.mu.Lock()
	c.watcher = nil
	close(done)
	c.mu.Unlock()
	if err != nil && !isTimeout(err) {
		c.session.HangUp(err != io.EOF)
	}
}

// join waits until a read in the background has brought something, or ends.
func (c *conn) join() {
	for {
		c.mu.Lock()
		done, arrived, ready := c.watcher, c.arrived, len(c.ahead) > 0
		c.mu.Unlock()
		if done == nil || ready {
			return
		}
		select {
		case <-done:
		case <-arrived:
		}
	}
}

// Hijack implements transport.Conn.
func (c *conn) Hijack(t *transport.Turn) (net.Conn, error) {
	if err := c.Flush(t); err != nil {
		return nil, err
	}
	c.unwatch()
	c.mu.Lock()
	c.behind(t, c.ahead)
	c.ahead = nil
	c.mu.Unlock()
	if c.cut.Load() {
		return nil, net.ErrClosed
	}
	nc := c.nc
	if c.rester != nil {
		real, read, err := c.rester.Leave()
		if err != nil {
			return nil, c.fault(err)
		}
		c.behind(t, read)
		nc = real
	}
	c.hijacked.Store(true)
	c.r.remove(c)
	return nc, nil
}

// behind puts p behind the input.
func (c *conn) behind(t *transport.Turn, p []byte) {
	for len(p) > 0 {
		n := copy(t.Space(inputMax), p)
		t.Filled(n)
		p = p[n:]
	}
}

// unwatch ends a read in the background.
func (c *conn) unwatch() {
	c.mu.Lock()
	done := c.watcher
	c.mu.Unlock()
	if done == nil {
		return
	}
	c.nc.SetReadDeadline(time.Unix(1, 0)) // long ago
	<-done
	c.mu.Lock()
	c.nc.SetReadDeadline(c.readBy)
	c.mu.Unlock()
}
