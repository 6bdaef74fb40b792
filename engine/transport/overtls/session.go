package overtls

import (
	"io"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// session is Conn as its transport sees it.
type session Conn

var (
	_ transport.Session = (*session)(nil)
	_ transport.Parting = (*session)(nil)
)

// Run implements transport.Session.
func (s *session) Run(t *transport.Turn) transport.Next {
	c := (*Conn)(s)
	switch c.state {
	case stateHello:
		if next := c.hello(t); next != transport.Own {
			return next
		}
		c.state = stateShake
		return transport.Own
	case stateShake:
		if next := c.shake(t); c.state != stateOpen {
			return next
		}
	}
	c.enter(t)
	next := c.advance(c.inner.Run)
	c.exit()
	if next == transport.Gone {
		c.state = stateGone
		c.free()
	}
	return next
}

// advance decrypts what has come and has the session run with it, until both are at their end or the session wants
// something else.
func (c *Conn) advance(run func(*transport.Turn) transport.Next) transport.Next {
	it := &c.desk.turn
	c.lent = false
	for {
		got := c.input(it)
		if c.over == errFlood {
			return c.finish(it, transport.Abort)
		}
		if c.over != nil && c.over != io.EOF {
			// Nothing can be sent any more, either. The alert says so.
			return c.end(transport.Linger)
		}
		if !got && !c.again && c.duplex == nil {
			return c.finish(it, transport.Read)
		}
		c.again = false
		next := run(it)
		if next != transport.Read {
			c.again = true
			return c.finish(it, next)
		}
		switch {
		case c.lent && (len(it.In) > 0 || !it.EOF && c.decryptable()):
			// The loop, if there is one, is to go on with it.
			c.again = true
			return c.finish(it, c.recur())
		case it.EOF:
			return c.finish(it, transport.Close)
		case !c.decryptable():
			return c.finish(it, transport.Read)
		}
	}
}

// recur has Run called once more, as soon as what there is has been sent.
func (c *Conn) recur() transport.Next {
	if c.duplex == nil {
		return transport.Write
	}
	c.outer.Notify()
	return transport.Read
}

// decryptable reports whether crypto/tls can go on.
func (c *Conn) decryptable() bool {
	return c.over != nil || c.more || c.ready() > 0 || c.turn.EOF
}

// decrypt reads plaintext into p: at least one byte, or an error, of which errAgain alone is not final.
func (c *Conn) decrypt(p []byte) (int, error) {
	if c.over != nil {
		return 0, c.over
	}
	n, err := c.tls.Read(p)
	c.more = n == len(p)
	switch {
	case c.flooded.Load(): // crypto/tls does not say so here
		c.over = errFlood
	case err != nil && err != errAgain:
		c.over = err
	}
	switch {
	case n > 0:
		return n, nil
	case c.over != nil:
		return 0, c.over
	}
	return 0, err
}

// input adds what has come to the session's. It reports whether that is anything, an end included.
func (c *Conn) input(it *transport.Turn) (got bool) {
	for c.decryptable() {
		space := it.Space(inputMax)
		if len(space) == 0 {
			return got
		}
		n, err := c.decrypt(space)
		if err == errAgain {
			continue // a record without data
		}
		if err != nil {
			got = got || !it.EOF
			it.EOF = true
			return got
		}
		it.Filled(n)
		got = true
		if n == len(space) {
			return true // the session may make room
		}
	}
	return got
}

// finish makes ciphertext of what the session has left, and brings next about.
func (c *Conn) finish(it *transport.Turn, next transport.Next) transport.Next {
	switch {
	case next == transport.Gone:
		return next
	case next == transport.Abort, c.flooded.Load(): // what waits would wait for ever
		c.state = stateEnd
		return transport.Abort
	}
	if c.encrypt(it) != nil {
		return c.end(transport.Close)
	}
	if next == transport.Close || next == transport.Linger {
		return c.end(next)
	}
	return next
}

// end says farewell (RFC 8446, section 6.1), if that can be said, and that nothing more is read.
func (c *Conn) end(next transport.Next) transport.Next {
	c.state = stateEnd
	c.tls.CloseWrite()
	if c.duplex != nil {
		return c.part(next)
	}
	return next
}

// encrypt makes ciphertext of t.Out and empties it.
func (c *Conn) encrypt(t *transport.Turn) error {
	if len(t.Out) == 0 {
		return nil
	}
	_, err := c.write(t.Out)
	t.Out = t.Out[:0]
	return err
}

// Expire implements transport.Session.
func (s *session) Expire(t *transport.Turn) transport.Next {
	c := (*Conn)(s)
	if c.state != stateOpen {
		return c.stalled()
	}
	c.enter(t)
	defer c.exit()
	return c.finish(&c.desk.turn, c.inner.Expire(&c.desk.turn))
}

// Idle implements transport.Session.
func (s *session) Idle() bool { return s.inner.Idle() }

// Part implements transport.Parting: close_notify.
func (s *session) Part(t *transport.Turn) {
	c := (*Conn)(s)
	if c.state != stateOpen {
		return
	}
	c.sit(t)
	c.end(transport.Close)
	c.rise()
}

// HangUp implements transport.Session.
func (s *session) HangUp(reset bool) { s.inner.HangUp(reset) }

// Closed implements transport.Session.
func (s *session) Closed(err error) {
	c := (*Conn)(s)
	c.depart()
	c.free()
	if c.state == stateHello && err != nil { // the transport has not asked what to do about it
		c.failed(err)
	}
	c.inner.Closed(c.reason(err))
}

// reason is err, or what the transport does not know.
func (c *Conn) reason(err error) error {
	if err == nil && c.over != io.EOF {
		return c.over
	}
	return err
}
