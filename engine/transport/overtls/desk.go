package overtls

import "github.com/peregrine-http/peregrine/engine/transport"

// desk is what a goroutine that runs sessions brings along for the one above TLS: the turn that it sees, and room for
// what passes between the two. It lives in the Turn.Local of the transport's turn.
type desk struct {
	turn  transport.Turn
	plain []byte // turn.Out, kept
	out   []byte // Conn.out, kept
}

// enter prepares the turn of the session above TLS.
func (c *Conn) enter(t *transport.Turn) {
	d := c.sit(t)
	it := &d.turn
	if c.rest == nil {
		c.rest = transport.NewBuffer(transport.BufferMedium) // of the largest record all fits
	}
	it.Adopt(c.rest)
	c.rest = nil
	it.Out = d.plain[:0]
	it.EOF = c.over != nil
	it.Now = t.Now
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

// exit ends the session's turn. Unconsumed input is kept, if there is any, in a buffer of fitting size.
func (c *Conn) exit() {
	d := c.desk
	it := &d.turn
	if d.plain = nil; cap(it.Out) <= outKeepMax {
		d.plain = it.Out[:0]
	}
	it.Out = nil
	if b := it.Release(); b.Len() > b.Cap()/4 {
		c.rest = b
	} else {
		if b.Len() > 0 {
			c.rest = b.Shrunk()
		}
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
