//go:build linux || darwin

package guest

import (
	"io"
	"net"
	"os"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.mu.Lock()
	for {
		switch {
		case c.closed:
			defer c.mu.Unlock()
			return 0, c.end
		case transport.Passed(c.readBy.Load()):
			c.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case c.buf != nil || len(c.more) > 0:
			n := c.take(p)
			c.mu.Unlock()
			return n, nil
		case c.end != nil:
			defer c.mu.Unlock()
			return 0, c.end
		case !c.aboard:
			c.mu.Unlock()
			sock, err := c.ashore()
			if err != nil {
				return 0, err
			}
			return sock.Read(p)
		}
		c.waits++
		c.arm()
		c.cond.Wait()
		c.waits--
	}
}

// take moves what was delivered to p. It is called with mu held.
func (c *Conn) take(p []byte) int {
	if c.buf != nil {
		n := copy(p, c.buf.Bytes())
		if c.buf.Skip(n); c.buf.Len() == 0 {
			c.buf.Free()
			c.buf = nil
		}
		return n
	}
	n := copy(p, c.more)
	if c.more = c.more[n:]; len(c.more) == 0 {
		c.more = nil
	}
	return n
}

// Write implements net.Conn. What the socket does not take at once is written ashore.
func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if transport.Passed(c.writeBy.Load()) {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.send(p)
	if err != nil || n == len(p) {
		return n, err
	}
	sock, err := c.ashore()
	if err != nil {
		return n, err
	}
	m, err := sock.Write(p[n:])
	return n + m, err
}

// send gives the kernel what it takes of p now.
func (c *Conn) send(p []byte) (int, error) {
	c.fdMu.Lock()
	defer c.fdMu.Unlock()
	if c.fd < 0 {
		return 0, nil
	}
	n, err := netio.SendNow(c.fd, p)
	if err == netio.ErrAgain {
		err = nil
	}
	return n, err
}

// WriteNow is Write that does not wait: it returns how many bytes were taken.
func (c *Conn) WriteNow(p []byte) (int, error) {
	if !c.writing.TryLock() {
		return 0, nil
	}
	defer c.writing.Unlock()
	return c.send(p)
}

// ReadFrom implements io.ReaderFrom, for sendfile(2).
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	sock, err := c.ashore()
	if err != nil {
		return 0, err
	}
	return io.Copy(sock, r)
}

// CloseWrite ends our side.
func (c *Conn) CloseWrite() error {
	c.fdMu.Lock()
	defer c.fdMu.Unlock()
	if c.fd >= 0 {
		return netio.ShutWrite(c.fd)
	}
	if s, ok := c.sock.(interface{ CloseWrite() error }); ok {
		return s.CloseWrite()
	}
	return net.ErrClosed
}

// SetLinger with 0 makes Close send a reset. Other values are for a connection that is ashore.
func (c *Conn) SetLinger(sec int) error {
	c.fdMu.Lock()
	defer c.fdMu.Unlock()
	if c.fd >= 0 && sec == 0 {
		return netio.ResetOnClose(c.fd)
	}
	if s, ok := c.sock.(interface{ SetLinger(int) error }); ok {
		return s.SetLinger(sec)
	}
	return net.ErrClosed
}

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if ns := transport.Nanos(t); c.readBy.Swap(ns) == ns {
		return nil
	}
	c.mu.Lock()
	if c.waits > 0 || c.wake != nil {
		if transport.Passed(c.readBy.Load()) {
			c.notify()
		} else {
			c.arm()
		}
	}
	c.mu.Unlock()
	c.fdMu.Lock()
	defer c.fdMu.Unlock()
	if c.sock != nil {
		return c.sock.SetReadDeadline(transport.Time(c.readBy.Load())) // of two calls at once, what the later one has stored
	}
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if ns := transport.Nanos(t); c.writeBy.Swap(ns) == ns {
		return nil
	}
	c.fdMu.Lock()
	defer c.fdMu.Unlock()
	if c.sock != nil {
		return c.sock.SetWriteDeadline(transport.Time(c.writeBy.Load()))
	}
	return nil
}

// arm sees to it that the timer fires when the read deadline passes, or before. It is called with mu held by whoever is
// about to wait. A deadline that moves later, as each request's does, leaves the timer alone.
func (c *Conn) arm() {
	at := c.readBy.Load()
	if at == 0 || c.closed || c.armed != 0 && c.armed <= at {
		return
	}
	c.armed = at
	left := time.Until(transport.Time(at))
	if c.timer == nil {
		c.timer = time.AfterFunc(left, c.tick)
	} else {
		c.timer.Reset(left)
	}
}

func (c *Conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = 0
	switch {
	case transport.Passed(c.readBy.Load()):
		c.notify()
	case c.waits > 0 || c.wake != nil:
		c.arm()
	}
}
