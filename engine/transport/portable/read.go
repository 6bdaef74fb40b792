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

// read returns at least one byte, or an error.
func (c *conn) read(p []byte) (int, error) {
	c.mu.Lock()
	n, err := copy(p, c.ahead), c.readErr
	c.ahead = c.ahead[n:]
	c.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	for range emptyReadsMax {
		if err == nil {
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

// Watch implements transport.Conn: a read in the background. It ends with the peer, with the next bytes, which are
// kept and mean that the peer is still there, or with Hijack. If it outlives the handler, the next wait for input is
// simply a wait for it. It has no deadline: that of the body is over, that of the next head has not begun.
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
	c.watcher = make(chan struct{})
	go c.watch(c.watcher)
}

func (c *conn) watch(done chan struct{}) {
	n, err := c.nc.Read(c.buf)
	if err != nil {
		c.failed(err)
	}
	c.mu.Lock()
	c.ahead = c.buf[:n]
	c.watcher = nil
	close(done)
	c.mu.Unlock()
	if err != nil && !isTimeout(err) {
		c.session.HangUp(err != io.EOF)
	}
}

// join waits for the end of a read in the background.
func (c *conn) join() {
	c.mu.Lock()
	done := c.watcher
	c.mu.Unlock()
	if done != nil {
		<-done
	}
}

// Hijack implements transport.Conn.
func (c *conn) Hijack(t *transport.Turn) (net.Conn, error) {
	if err := c.Flush(t); err != nil {
		return nil, err
	}
	c.mu.Lock()
	done := c.watcher
	c.mu.Unlock()
	if done != nil {
		c.nc.SetReadDeadline(time.Unix(1, 0)) // long ago
		<-done
	}
	c.mu.Lock()
	for len(c.ahead) > 0 {
		n := copy(t.Space(inputMax), c.ahead)
		t.Filled(n)
		c.ahead = c.ahead[n:]
	}
	c.mu.Unlock()
	if c.cut.Load() {
		return nil, net.ErrClosed
	}
	c.hijacked.Store(true)
	c.r.remove(c)
	return c.nc, nil
}
