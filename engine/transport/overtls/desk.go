package overtls

import "github.com/peregrine-http/peregrine/engine/transport"

// desk is what a goroutine that runs sessions brings along for the one above TLS: the turn that it sees, and room for
// what passes between the two. It lives in the Turn.Local of the transport's turn.
type desk struct {
	turn    transport.Turn
	scratch *transport.Buffer // plaintext, of which one record fits
	plain   []byte            // turn.Out, kept
	out     []byte            // Conn.out, kept
}

// enter prepares the turn of the session above TLS.
func (c *Conn) enter(t *transport.Turn) *desk {
	d := c.sit(t)
	it := &d.turn
	if c.rest != nil {
		it.Adopt(c.rest)
		c.rest = nil
	} else {
		if d.scratch == nil {
			d.scratch = transport.NewBuffer(transport.BufferMedium)
			d.scratch.Keep(true)
		}
		d.scratch.Reset()
		it.Adopt(d.scratch)
	}
	it.Out = d.plain[:0]
	it.EOF = c.over != nil
	it.Now = t.Now
	return d
}

// sit lends c the goroutine's place to write to.
func (c *Conn) sit(t *transport.Turn) *desk {
	d, ok := t.Local.(*desk)
	if !ok {
		d = new(desk)
		t.Local = d
	}
	c.turn, c.desk = t, d
	c.mu.Lock()
	if c.out == nil && c.duplex == nil {
		c.out, d.out = d.out[:0], nil
	}
	c.mu.Unlock()
	return d
}

// rise ends what sit began: all ciphertext goes to the transport.
func (c *Conn) rise() {
	if c.duplex == nil {
		c.collect()
		c.mu.Lock()
		if cap(c.out) <= outKeepMax {
			c.desk.out = c.out
		}
		c.out = nil
		c.mu.Unlock()
	}
	c.turn, c.desk = nil, nil
}

// exit ends the session's turn. Unconsumed input is kept, in a buffer that is not the scratch, if there is any.
func (c *Conn) exit() {
	d := c.desk
	it := &d.turn
	if d.plain = nil; cap(it.Out) <= outKeepMax {
		d.plain = it.Out[:0]
	}
	it.Out = nil
	b := it.Release()
	switch {
	case b == nil:
	case b == d.scratch:
		if b.Len() > 0 {
			c.rest = b.Shrunk()
		}
	case b.Len() > 0:
		c.rest = b
	default:
		b.Free()
	}
	c.rise()
}

// free frees what c has between turns.
func (c *Conn) free() {
	if c.rest != nil {
		c.rest.Free()
		c.rest = nil
	}
}
