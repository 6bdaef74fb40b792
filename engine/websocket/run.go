package websocket

import (
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/wsproto"
)

var _ transport.Protocol = (*session)(nil)

// method is what the transport is told that callbacks are: with the endpoint's key, a route of its own.
var method = []byte("WEBSOCKET")

// Run implements transport.Session: OnOpen, then a message after the other, then one write for all that was sent meanwhile.
func (s *session) Run(t *transport.Turn) transport.Next {
	c := (*Conn)(s)
	if c.is&opened == 0 {
		c.heard = millis(transport.Nanos(t.Now))
		c.await(c.e.o.PingEvery)
	}
	c.mu.Lock()
	c.has |= batch // until Lent: on a goroutine of its own nobody waits for the write of others
	c.mu.Unlock()
	next := c.run(t)
	return c.settle(next)
}

func (c *Conn) run(t *transport.Turn) transport.Next {
	if c.is&opened == 0 {
		if !c.tc.Begin(t, method, c.e.key) {
			return transport.Own
		}
		c.is |= opened
		c.e.counts.open.Add(1)
		c.e.counts.opened.Add(1)
		if c.open(t) {
			return transport.Read
		}
	}
	if len(t.In) > 0 {
		c.heardAt(transport.Nanos(t.Now))
	}
	for len(t.In) > 0 && c.is&answered == 0 {
		if !c.tc.Begin(t, method, c.e.key) {
			return transport.Own
		}
		if c.step(t) {
			break
		}
	}
	c.rest(t)
	if t.EOF && len(t.In) == 0 && c.is&answered == 0 {
		c.lost(t)
	}
	return transport.Read
}

// open runs OnOpen, or all of Serve. It reports whether the loop has gone on without it.
func (c *Conn) open(t *transport.Turn) (lent bool) {
	returned := false
	defer func() {
		if !returned {
			c.escaped(recover())
		}
		lent = c.tc.End(t)
	}()
	if c.e.o.OnOpen != nil {
		c.e.o.OnOpen(c)
	}
	if c.e.o.Serve != nil {
		c.tc.Leave(t)
		c.serve(t)
	}
	returned = true
	return
}

// step takes the next message or control frame off t.In, and ends what Begin has begun. It reports whether the loop has gone
// on without it.
func (c *Conn) step(t *transport.Turn) (lent bool) {
	returned := false
	defer func() {
		if !returned {
			c.escaped(recover())
		}
		lent = c.tc.End(t)
	}()
	if m, ok := c.next(t); ok && c.e.o.OnMessage != nil && !c.closing() {
		c.e.o.OnMessage(c, m)
	}
	returned = true
	return
}

// next takes what it can of t.In, up to the end of a message, and does what control frames ask for. It is called between
// Begin and End; m.Data is valid until the next call, or End.
func (c *Conn) next(t *transport.Turn) (m Message, ok bool) {
	r := c.reader
	if r == nil {
		r = readers.Get().(*wsproto.Reader)
		c.reader = r
		*r = wsproto.NewReader(c.e.reader, c.inflater())
	}
	e, n, err := r.Next(t.In)
	t.In = t.In[n:]
	switch {
	case err == wsproto.ErrNeedMore:
		return Message{}, false
	case err != nil:
		c.fail(err)
		return Message{}, false
	case e.Opcode == wsproto.Text || e.Opcode == wsproto.Binary:
		return Message{e.Opcode, e.Payload}, true
	}
	if int(c.controls) == c.e.o.ControlsMax {
		c.fail(errControls)
		return Message{}, false
	}
	c.controls++
	switch e.Opcode {
	case wsproto.Ping:
		c.pong(e.Payload)
	case wsproto.Pong:
		if sent, mine := c.answers(e.Payload); mine && c.e.o.OnPong != nil {
			c.e.o.OnPong(c, sent)
		}
	case wsproto.Close:
		c.is |= answered
		code := e.Code
		reason := string(e.Payload)
		c.sendClose(code, "") // the code is given back (RFC 6455, section 5.5.1)
		c.end(code, reason)
	}
	return Message{}, false
}

var errControls = &wsproto.Error{Code: wsproto.PolicyViolation, Rule: "control-rate", RFC: "6455, section 10.4"}

func (c *Conn) inflater() *wsproto.Inflater {
	if c.more == nil {
		return nil
	}
	return c.more.inflater
}

// rest gives back what is not needed between messages.
func (c *Conn) rest(t *transport.Turn) {
	if c.is&answered != 0 {
		t.In = t.In[len(t.In):]
	}
	r := c.reader
	if r == nil {
		return
	}
	if len(t.In) == 0 {
		r.Next(nil) // ends the life of the last message
	}
	if c.is&answered != 0 {
		r.Release()
	} else if len(t.In) > 0 || !r.Idle() {
		return
	}
	readers.Put(r)
	c.reader = nil
}

// fail is for a peer that has broken a rule.
func (c *Conn) fail(err error) {
	c.is |= answered | lingers
	rule := err.(*wsproto.Error)
	c.e.counts.broken.Add(1)
	c.e.o.Logger.Debug("WebSocket closed", "error", err, "code", rule.Code, "remote", c.tc.RemoteAddr().String())
	c.sendClose(rule.Code, "")
	c.end(rule.Code, "")
}

// lost is for a peer that has ended the connection without a Close, in Run.
func (c *Conn) lost(t *transport.Turn) {
	c.is |= answered
	if c.is&told == 0 && c.e.o.OnClose != nil && c.tc.Begin(t, method, c.e.key) {
		returned := false
		defer func() {
			if !returned {
				c.escaped(recover())
			}
			c.tc.End(t)
		}()
		c.end(wsproto.Abnormal, "")
		returned = true
		return
	}
	c.ends(wsproto.Abnormal, "")
}

// end calls OnClose, where a callback may run.
func (c *Conn) end(code wsproto.CloseCode, reason string) {
	if c.is&told != 0 {
		return
	}
	c.tell(code, reason)
	if c.e.o.OnClose != nil {
		c.e.o.OnClose(c, code, reason)
	}
}

// tell notes that the connection's end is being told. Nothing can be sent any more.
func (c *Conn) tell(code wsproto.CloseCode, reason string) {
	c.is |= told
	c.mu.Lock()
	c.finish()
	if c.q != nil {
		c.write()
	}
	c.mu.Unlock()
	c.part()
	if c.more != nil {
		c.more.end = &CloseError{code, reason}
	}
}

// ends calls OnClose where no callback may run.
func (c *Conn) ends(code wsproto.CloseCode, reason string) {
	if c.is&told != 0 {
		return
	}
	c.tell(code, reason)
	if c.e.o.OnClose == nil {
		return
	}
	go func() {
		returned := false
		defer func() {
			if !returned {
				c.escaped(recover())
			}
		}()
		c.e.o.OnClose(c, code, reason)
		returned = true
	}()
}

// settle ends a Run: what has been collected is written, and what the connection waits for is decided.
func (c *Conn) settle(next transport.Next) transport.Next {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.has &^= batch
	c.flush()
	switch {
	case next != transport.Read:
		return next
	case c.has&cut != 0:
		return transport.Abort
	case c.has&(closed|broken) == 0:
		return transport.Read
	case c.is&answered != 0 && c.q == nil && c.is&lingers != 0:
		return transport.Linger
	case c.is&answered != 0 && c.q == nil:
		return transport.Close
	}
	c.limit()
	if c.is&answered == 0 {
		return transport.Read // a socket that takes nothing may still have the peer's Close
	}
	c.has |= awaited
	return transport.Write
}

// limit bounds the wait for what is left to come, or to leave.
func (c *Conn) limit() {
	if c.is&timed == 0 {
		c.is |= timed
		c.tc.SetReadDeadline(deadline(c.e.o.CloseTimeout))
	}
}

func deadline(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// heardAt notes that the peer is there. It costs no timer: the deadline looks at what was noted.
func (c *Conn) heardAt(nanos int64) {
	now := millis(nanos)
	if now/1000 != c.heard/1000 {
		c.controls = 0
	}
	c.heard = now
	if c.is&pinged != 0 {
		c.is &^= pinged
		c.await(c.e.o.PingEvery)
	}
}

// await sets the deadline for the peer's silence. Who ends the connection has one set, too, which holds.
func (c *Conn) await(silence time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if silence > 0 && c.has&(closed|broken) == 0 {
		c.tc.SetReadDeadline(time.Now().Add(silence))
	}
}

// expired is for a read deadline that has passed. It reports whether the connection is to be cut.
func (c *Conn) expired() bool {
	o := &c.e.o
	silent := time.Duration(millis(transport.Clock())-c.heard) * time.Millisecond
	switch {
	case c.is&timed != 0, c.is&pinged != 0 && o.PongTimeout > 0 && !c.advances():
		return true
	case silent < o.PingEvery:
		c.await(o.PingEvery - silent)
		return false
	}
	c.is |= pinged
	c.advances() // from here on
	c.Ping()
	if o.PongTimeout > 0 {
		c.await(o.PongTimeout)
	} else {
		c.await(o.PingEvery)
	}
	return false
}

// advances reports whether the peer has taken some of what waited for it since the last call. Behind that the Ping has waited,
// if it has found room at all: a slow reader is not a dead one, and is asked again.
func (c *Conn) advances() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	has := c.has
	c.has &^= moved
	return has&moved != 0
}

// Expire implements transport.Session.
func (s *session) Expire(*transport.Turn) transport.Next {
	c := (*Conn)(s)
	if !c.expired() {
		return transport.Read
	}
	c.is |= answered
	c.ends(wsproto.Abnormal, "")
	return transport.Close
}

// Idle implements transport.Session: a WebSocket is closed by a Close.
func (s *session) Idle() bool { return false }

// HangUp implements transport.Session. A callback learns of it when it sends.
func (s *session) HangUp(bool) {}

// Closed implements transport.Session.
func (s *session) Closed(error) {
	c := (*Conn)(s)
	if c.is&opened == 0 {
		return
	}
	if r := c.reader; r != nil {
		r.Release()
		readers.Put(r)
		c.reader = nil
	}
	c.ends(wsproto.Abnormal, "")
	c.e.counts.open.Add(-1)
}
