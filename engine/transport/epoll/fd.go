package epoll

import "github.com/peregrine-http/peregrine/internal/netio"

// The four calls on a connection's descriptor. A connection that hooks know as a net.Conn can be closed by them at any
// moment, and its number be another connection's the next: there the call is made under the net.Conn's own lock.

type rawConn interface {
	Control(f func(fd uintptr)) error
}

func (c *conn) read(p []byte) (n int, err error) {
	k := c.loop.r.kernel
	if c.ext == nil || c.ext.raw == nil {
		return k.Read(int(c.fd), p)
	}
	if c.ext.raw.Control(func(fd uintptr) { n, err = k.Read(int(fd), p) }) != nil {
		return 0, netio.ErrClosed
	}
	return n, err
}

func (c *conn) write(p []byte) (n int, err error) {
	k := c.loop.r.kernel
	if c.ext == nil || c.ext.raw == nil {
		return k.Write(int(c.fd), p)
	}
	if c.ext.raw.Control(func(fd uintptr) { n, err = k.Write(int(fd), p) }) != nil {
		return 0, netio.ErrClosed
	}
	return n, err
}

func (c *conn) writev(p [][]byte) (n int, err error) {
	k := c.loop.r.kernel
	if c.ext == nil || c.ext.raw == nil {
		return k.Writev(int(c.fd), p)
	}
	if c.ext.raw.Control(func(fd uintptr) { n, err = k.Writev(int(fd), p) }) != nil {
		return 0, netio.ErrClosed
	}
	return n, err
}

func (c *conn) sendFile(src, max int) (n int, err error) {
	k := c.loop.r.kernel
	if c.ext == nil || c.ext.raw == nil {
		return k.SendFile(int(c.fd), src, max)
	}
	if c.ext.raw.Control(func(fd uintptr) { n, err = k.SendFile(int(fd), src, max) }) != nil {
		return 0, netio.ErrClosed
	}
	return n, err
}

func (c *conn) closeWrite() {
	k := c.loop.r.kernel
	if c.ext == nil || c.ext.raw == nil {
		k.CloseWrite(int(c.fd))
		return
	}
	c.ext.raw.Control(func(fd uintptr) { k.CloseWrite(int(fd)) })
}

// shut ends the descriptor's life; reset makes the peer see a reset rather than an orderly end.
func (c *conn) shut(reset bool) {
	k := c.loop.r.kernel
	if c.ext == nil || c.ext.raw == nil {
		if reset {
			k.Reset(int(c.fd))
		}
		k.Close(int(c.fd))
		return
	}
	if reset {
		c.ext.raw.Control(func(fd uintptr) { k.Reset(int(fd)) })
	}
	c.ext.nc.Close()
}
