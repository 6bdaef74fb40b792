package epoll

import (
	"io"
	"net"
	"os"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// send writes what the socket takes of t.Out now and keeps the rest in c.out. It reports false if output is lost: then
// the connection must be closed, because the peer could not tell what is missing.
func (c *conn) send(t *transport.Turn) bool {
	word := c.word.Load()
	if word&broken != 0 {
		return false
	}
	if len(t.Out) == 0 {
		return true
	}
	// A turn on the loop is short: the clock is asked only for a deadline that is near.
	if at := c.writeAt.Load(); at != 0 && (word&lent != 0 || at-transport.Nanos(t.Now) < int64(deadlineNear)) && transport.Passed(at) {
		c.word.Or(broken)
		return false
	}
	n, err := c.write(t.Out)
	if err != nil && err != netio.ErrAgain {
		c.word.Or(broken)
		return false
	}
	if n < len(t.Out) {
		c.out = transport.Holding(t.Out[n:])
		c.word.Or(evOut) // written again before it is waited for: an edge may have come and gone while it was lent
	}
	t.Out = t.Out[:0]
	return true
}

// Flush implements transport.Conn.
func (c *conn) Flush(t *transport.Turn, more ...[]byte) error {
	if !c.leave() || c.word.Load()&broken != 0 {
		return net.ErrClosed
	}
	c.settle(t)
	var list [1 + 4][]byte
	bufs := append(append(list[:0], t.Out), more...)
	err := c.output(func() (bool, error) {
		for len(bufs) > 0 && len(bufs[0]) == 0 {
			bufs = bufs[1:]
		}
		if len(bufs) == 0 {
			return true, nil
		}
		n, err := c.writev(bufs)
		for n > 0 {
			k := min(n, len(bufs[0]))
			bufs[0] = bufs[0][k:]
			n -= k
			if len(bufs[0]) == 0 {
				bufs = bufs[1:]
			}
		}
		return len(bufs) == 0, err
	})
	t.Out = t.Out[:0]
	return err
}

// flushBefore flushes t.Out where a file follows at once.
func (c *conn) flushBefore(t *transport.Turn) error {
	if !c.leave() || c.word.Load()&broken != 0 {
		return net.ErrClosed
	}
	c.settle(t)
	left := t.Out
	t.Out = t.Out[:0]
	return c.output(func() (bool, error) {
		if len(left) == 0 {
			return true, nil
		}
		n, err := c.writeMore(left)
		left = left[n:]
		return len(left) == 0, err
	})
}

// output calls write until it says that all is done, and waits for the socket in between. After any other end the output is
// broken: nobody knows how much of it has left.
func (c *conn) output(write func() (done bool, err error)) (err error) {
	defer func() {
		if err != nil {
			c.word.Or(broken)
		}
	}()
	for {
		if transport.Passed(c.writeAt.Load()) {
			return os.ErrDeadlineExceeded
		}
		if c.word.Load()&aborted != 0 {
			return net.ErrClosed
		}
		c.word.And(^evOut)
		done, err := write()
		switch {
		case err == netio.ErrAgain:
			if err := c.await(c.loan.Load().out, evOut|evHup, &c.writeAt); err != nil {
				return err
			}
		case err != nil:
			return c.failed(err)
		case done: // whoever cuts the connection now cuts nothing of this
			return nil
		}
	}
}

// SendFile implements transport.Conn. A file that sendfile(2) refuses is copied.
func (c *conn) SendFile(t *transport.Turn, f *os.File, n int64) (int64, error) {
	if n > 0 && n <= withHeadMax {
		if err := c.flushBefore(t); err != nil {
			return 0, err
		}
	} else if err := c.Flush(t); err != nil {
		return 0, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	const pieceMax = 1 << 20 // so that one call does not keep a thread for long
	var sent int64
	refused := false
	err = c.output(func() (bool, error) {
		piece := int64(pieceMax)
		if n >= 0 {
			piece = min(piece, n-sent)
		}
		if piece == 0 {
			return true, nil
		}
		var k int
		var serr error
		if err := raw.Control(func(fd uintptr) { k, serr = c.sendFile(int(fd), int(piece)) }); err != nil {
			return false, err
		}
		sent += int64(k)
		if serr != nil && serr != netio.ErrAgain && serr != netio.ErrReset && sent == 0 {
			refused = true
			return true, nil
		}
		return sent == n || k == 0 && serr == nil, serr
	})
	if !refused {
		return sent, err
	}
	var src io.Reader = f
	if n >= 0 {
		src = io.LimitReader(f, n)
	}
	buf := make([]byte, transport.BufferMedium)
	for {
		k, rerr := src.Read(buf)
		if k > 0 {
			if err := c.Flush(t, buf[:k]); err != nil {
				return sent, err
			}
			sent += int64(k)
		}
		if rerr == io.EOF {
			return sent, nil
		}
		if rerr != nil {
			return sent, rerr
		}
	}
}
