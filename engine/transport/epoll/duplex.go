package epoll

import (
	"net"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// become brings in the session's successor. Only the loop does it, which reads c.session for its events.
func (c *conn) become() {
	c.becoming = false
	c.session = c.session.(transport.Successor).Successor()
	c.word.Or(duplex) // after session: whoever sees the bit sees what it is about
	if l := c.loop; l.r.draining.Load() {
		l.post(mail{sweep: sweepIdle}) // the one that Drain ordered came too early
	}
}

// duplex is the session of a connection that has the bit in its word.
func (c *conn) duplex() transport.Duplex { return c.session.(transport.Duplex) }

// TryWrite implements transport.Conn. The descriptor cannot be closed meanwhile: Duplex.Ending comes first, and waits for us.
func (c *conn) TryWrite(p [][]byte) (n int, err error) {
	if c.word.Load()&aborted != 0 {
		return 0, net.ErrClosed
	}
	for asked := false; ; {
		for len(p) > 0 && len(p[0]) == 0 {
			p = p[1:]
		}
		var k int
		switch len(p) {
		case 0:
			return n, nil
		case 1:
			k, err = c.write(p[0])
		default:
			k, err = c.writev(p)
		}
		switch {
		case err == netio.ErrAgain && asked:
			return n, nil
		case err == netio.ErrAgain:
			// The edge may have come before anybody wanted it. If the socket is still full now, it is yet to come. An
			// older one may use wantOut up between the two: its Writable is as good.
			c.word.Or(wantOut)
			asked = true
			continue
		case err != nil:
			return n, c.failed(err)
		}
		asked = false
		n += k
		for k > 0 {
			m := min(k, len(p[0]))
			p[0] = p[0][m:]
			k -= m
			if len(p[0]) == 0 {
				p = p[1:]
			}
		}
	}
}

// Notify implements transport.Conn.
func (c *conn) Notify() { c.loop.post(mail{notified: c, gen: c.gen}) }

// Loop implements transport.Conn.
func (c *conn) Loop() transport.Loop { return (*postbox)(c.loop) }

// postbox is a loop as sessions see it.
type postbox loop

// Post implements transport.Loop.
func (b *postbox) Post(f func()) { (*loop)(b).post(mail{call: f}) }
