package overtls

import (
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// duplex is what a connection has besides when its session is a Protocol, whose output any goroutine sends. Ciphertext that
// the kernel has not taken waits here: that of one piece at most, and what crypto/tls says by itself. Guarded by Conn.mu.
type duplex struct {
	p       transport.Protocol
	waiting *[]byte // nil: nothing waits
	sent    int     // of *waiting
	list    [1][]byte
	err     error // final
	// closing: the connection ends with it when nothing waits any more; else Read.
	closing transport.Next
	ended   bool
}

var (
	ciphertexts = sync.Pool{New: func() any { return new([]byte) }}
	plaintexts  = sync.Pool{New: func() any { return new([pieceMax]byte) }}
)

// add is wire.Write. It is called with Conn.mu held.
func (x *duplex) add(p []byte) {
	if x.ended {
		return
	}
	if x.waiting == nil {
		x.waiting, x.sent = ciphertexts.Get().(*[]byte), 0
	}
	*x.waiting = append(*x.waiting, p...)
}

// empty frees what waits. It is called with Conn.mu held.
func (x *duplex) empty() {
	if b := x.waiting; b != nil {
		*b = (*b)[:0]
		ciphertexts.Put(b)
		x.waiting, x.list[0] = nil, nil
	}
}

// push gives the kernel what waits. It reports whether all of it has been taken.
func (c *Conn) push() (all bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.duplex
	if x.err != nil || x.waiting == nil {
		return true, x.err
	}
	x.list[0] = (*x.waiting)[x.sent:]
	want := len(x.list[0])
	n, err := c.outer.TryWrite(x.list[:])
	if err != nil {
		x.err = err
		x.empty()
		return true, err
	}
	if x.sent += n; n < want {
		return false, nil
	}
	x.empty()
	c.answers = 0
	return true, nil
}

// TryWrite implements transport.Conn. What is taken is encrypted, and mostly with the kernel: all but the last piece.
func (c *Conn) TryWrite(p [][]byte) (taken int, err error) {
	for {
		all, err := c.push()
		if err != nil {
			return taken, err
		}
		for len(p) > 0 && len(p[0]) == 0 {
			p = p[1:]
		}
		if !all || len(p) == 0 {
			return taken, nil
		}
		n, err := c.encryptPiece(p)
		if err != nil {
			return taken, err
		}
		taken += n
		for n > 0 {
			k := min(n, len(p[0]))
			p[0] = p[0][k:]
			if n -= k; len(p[0]) == 0 {
				p = p[1:]
			}
		}
	}
}

// encryptPiece makes ciphertext of the beginning of p. Many short slices become one record.
func (c *Conn) encryptPiece(p [][]byte) (int, error) {
	if len(p) == 1 || len(p[0]) >= pieceMax {
		return c.write(p[0][:min(len(p[0]), pieceMax)])
	}
	buf := plaintexts.Get().(*[pieceMax]byte)
	defer plaintexts.Put(buf)
	n := 0
	for _, b := range p {
		n += copy(buf[n:], b)
	}
	return c.write(buf[:n])
}

// part ends a connection when its ciphertext has left, or farewellMax has passed.
func (c *Conn) part(next transport.Next) transport.Next {
	c.mu.Lock()
	c.duplex.closing = next // first: Writable may be quicker
	c.mu.Unlock()
	all, err := c.push()
	if all || err != nil {
		return next
	}
	c.outer.SetReadDeadline(time.Now().Add(farewellMax))
	return transport.Write
}

// protocol is Conn as its transport sees it when the session is a Protocol.
type protocol Conn

var (
	_ transport.Protocol  = (*protocol)(nil)
	_ transport.Successor = (*session)(nil)
)

// Successor implements transport.Successor.
func (s *session) Successor() transport.Protocol {
	c := (*Conn)(s)
	c.duplex = &duplex{p: c.inner.(transport.Successor).Successor()}
	return (*protocol)(c)
}

// Run implements transport.Session.
func (s *protocol) Run(t *transport.Turn) transport.Next {
	c := (*Conn)(s)
	if next := c.duplex.closing; next != transport.Read {
		if all, err := c.push(); !all && err == nil {
			return transport.Write
		}
		return next
	}
	c.enter(t)
	next := c.advance(c.duplex.p.Run)
	c.exit()
	if c.duplex.closing == transport.Read {
		c.push() // an alert, or the answer to a key update
	}
	return next
}

// Expire implements transport.Session.
func (s *protocol) Expire(t *transport.Turn) transport.Next {
	c := (*Conn)(s)
	if next := c.duplex.closing; next != transport.Read {
		return next
	}
	c.enter(t)
	defer c.exit()
	it := &c.desk.turn
	return c.finish(it, c.duplex.p.Expire(it))
}

// Idle implements transport.Session.
func (s *protocol) Idle() bool { return s.duplex.p.Idle() }

// HangUp implements transport.Session.
func (s *protocol) HangUp(reset bool) { s.duplex.p.HangUp(reset) }

// Closed implements transport.Session.
func (s *protocol) Closed(err error) {
	c := (*Conn)(s)
	c.depart()
	c.free()
	c.duplex.p.Closed(c.reason(err))
}

// Writable implements transport.Duplex. When what waits has left, it is the session's turn, or the connection ends.
func (s *protocol) Writable() {
	c := (*Conn)(s)
	all, _ := c.push()
	if !all {
		return
	}
	c.mu.Lock()
	closing := c.duplex.closing
	c.mu.Unlock()
	if closing != transport.Read {
		c.outer.Notify()
		return
	}
	c.duplex.p.Writable()
}

// Lent implements transport.Duplex.
func (s *protocol) Lent() { s.duplex.p.Lent() }

// Drain implements transport.Duplex.
func (s *protocol) Drain() { s.duplex.p.Drain() }

// Ending implements transport.Duplex.
func (s *protocol) Ending() {
	c := (*Conn)(s)
	c.duplex.p.Ending()
	c.mu.Lock()
	c.duplex.ended = true
	c.duplex.empty()
	c.mu.Unlock()
}
