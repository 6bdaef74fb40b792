package epoll

import "github.com/peregrine-http/peregrine/internal/netio"

// The calls on a connection's descriptor. A connection that hooks know as a net.Conn can be closed by them at any moment,
// and its number be another connection's the next: there the call is made under the net.Conn's own lock. That way is
// apart, because the variables that its closures share are allocated.

type rawConn interface {
	Control(f func(fd uintptr)) error
}

// exposed reports whether somebody else may close the descriptor.
func (c *conn) exposed() bool {
	x := c.ext
	return x != nil && x.raw != nil
}

func (c *conn) read(p []byte) (int, error) {
	k := c.loop.r.kernel
	if c.exposed() {
		return c.guarded(func(fd int) (int, error) { return k.Read(fd, p) })
	}
	return k.Read(int(c.fd), p)
}

func (c *conn) unread() bool {
	k := c.loop.r.kernel
	if c.exposed() {
		n, _ := c.guarded(func(fd int) (int, error) {
			if k.Unread(fd) {
				return 1, nil
			}
			return 0, nil
		})
		return n > 0
	}
	return k.Unread(int(c.fd))
}

func (c *conn) write(p []byte) (int, error) {
	k := c.loop.r.kernel
	if c.exposed() {
		return c.guarded(func(fd int) (int, error) { return k.Write(fd, p) })
	}
	return k.Write(int(c.fd), p)
}

func (c *conn) writeMore(p []byte) (int, error) {
	k := c.loop.r.kernel
	if c.exposed() {
		return c.guarded(func(fd int) (int, error) { return k.WriteMore(fd, p) })
	}
	return k.WriteMore(int(c.fd), p)
}

func (c *conn) writev(p [][]byte) (int, error) {
	k := c.loop.r.kernel
	if c.exposed() {
		return c.guarded(func(fd int) (int, error) { return k.Writev(fd, p) })
	}
	return k.Writev(int(c.fd), p)
}

func (c *conn) sendFile(src, n int) (int, error) {
	k := c.loop.r.kernel
	if c.exposed() {
		return c.guarded(func(fd int) (int, error) { return k.SendFile(fd, src, n) })
	}
	return k.SendFile(int(c.fd), src, n)
}

func (c *conn) closeWrite() {
	k := c.loop.r.kernel
	if c.exposed() {
		c.guarded(func(fd int) (int, error) { return 0, k.CloseWrite(fd) })
		return
	}
	k.CloseWrite(int(c.fd))
}

// unwatch takes the descriptor out of the loop's poller.
func (c *conn) unwatch() error {
	p := c.loop.poller
	if c.exposed() {
		_, err := c.guarded(func(fd int) (int, error) { return 0, p.Remove(fd) })
		return err
	}
	return p.Remove(int(c.fd))
}

// shut ends the descriptor's life; reset makes the peer see a reset rather than an orderly end.
func (c *conn) shut(reset bool) {
	k := c.loop.r.kernel
	if c.exposed() {
		if reset {
			c.guarded(func(fd int) (int, error) { return 0, k.Reset(fd) })
		}
		c.ext.nc.Close()
		return
	}
	if reset {
		k.Reset(int(c.fd))
	}
	k.Close(int(c.fd))
}

func (c *conn) guarded(call func(fd int) (int, error)) (n int, err error) {
	if c.ext.raw.Control(func(fd uintptr) { n, err = call(int(fd)) }) != nil {
		return 0, netio.ErrClosed
	}
	return n, err
}
