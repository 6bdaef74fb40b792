package engine

import (
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/httpparse"
)

// Run implements transport.Session: head, exchange, next head, until the input is used up or something has to be
// waited for. The hard case is a head that is here but may not be answered here: it is parsed, Conn.Begin says
// no, nothing is consumed, and on the goroutine of its own the same bytes are parsed again, which is cheaper than
// to carry the parsed state from one goroutine to another.
func (s *session) Run(t *transport.Turn) transport.Next {
	c := (*Conn)(s)
	d := deskOf(t)
	if c.phase == phaseSent {
		if next, more := c.rest(t, false); !more {
			return next
		}
	}
	if c.phase == phaseFresh {
		if next, here := c.opening(t); !here {
			return next
		}
	}
	for {
		n, next := c.readHead(t, d)
		if n == 0 {
			return next
		}
		next, more := c.answer(t, d, n)
		if !more {
			return next
		}
	}
}

// readHead parses the head at the front of t.In. It returns its length in bytes, with the result in d.req; or 0 and
// what to wait for or how to end.
func (c *Conn) readHead(t *transport.Turn, d *desk) (int, transport.Next) {
	if c.partial == nil {
		c.skipStray(t)
		if blank(t.In) {
			return 0, c.await(t)
		}
		switch c.phase {
		case phaseNext, phaseIdle:
			c.since = transport.Nanos(t.Now)
			fallthrough
		case phaseFresh:
			if !c.enter(StateActive) {
				return 0, c.leave(t)
			}
			if c.phase == phaseIdle {
				// The wait is over; what comes has a deadline of its own, or none.
				c.phase = phaseNext
			}
		}
		d.req.Limits = c.sv.limits
	} else {
		d.take(c.partial)
		c.partial = nil
	}

	n, err := d.req.Parse(t.In)
	switch {
	case err == nil:
		return n, transport.Read
	case err != httpparse.ErrNeedMore:
		return 0, c.refuse(t, err)
	case t.EOF:
		// The peer left in the middle of a head: it asked for nothing. The parser's next head is another connection's.
		d.req.Reset()
		c.phase = phaseEnd
		return 0, transport.Close
	}
	c.partial = d.lend()
	if c.phase == phaseNext {
		c.setReadDeadline(transport.Time(c.since), c.sv.headTimeout)
	}
	c.phase = phaseHead
	return 0, transport.Read
}

// skipStray consumes the empty line that old clients send after a body, without counting it. The parser skips
// another one (RFC 9112, section 2.2), so that there may be two, which net/http's users rely on. More are refused: empty
// lines without end would keep a connection busy for free.
func (c *Conn) skipStray(t *transport.Turn) {
	if c.stray && len(t.In) >= 2 {
		c.stray = false
		if t.In[0] == '\r' && t.In[1] == '\n' {
			t.In = t.In[2:]
		}
	}
}

// blank reports whether in is a beginning of the empty line that the parser skips, and no more than that. It does not
// begin a head yet: a connection that has only this is between requests.
func blank(in []byte) bool {
	switch len(in) {
	case 0:
		return true
	case 1:
		return in[0] == '\r'
	case 2:
		return in[0] == '\r' && in[1] == '\n'
	}
	return false
}

// await is for a connection between requests with no input that matters.
func (c *Conn) await(t *transport.Turn) transport.Next {
	if t.EOF {
		c.phase = phaseEnd
		return transport.Close
	}
	if c.phase == phaseNext {
		c.phase = phaseIdle
		c.setReadDeadline(t.Now, c.sv.s.IdleTimeout)
	}
	return transport.Read
}

// answer runs the handler on the head of n bytes in d.req. It reports whether there may be another one in t.In;
// if not, it returns what the connection wants.
func (c *Conn) answer(t *transport.Turn, d *desk, n int) (next transport.Next, more bool) {
	head, req := t.In[:n:n], d.req
	if !c.conn.Begin(t, req.Method.In(head), req.Path.In(head)) {
		c.phase = phaseOwn
		return transport.Own, false
	}
	t.In = t.In[n:]
	c.sv.s.counters.requests[d.shard].n.Add(1)
	if c.sv.timed || c.marks.Load() != 0 {
		c.setRequestDeadlines(t, req)
	}

	x := &d.x
	x.begin(c, t, req, head)
	c.phase = phaseServe
	c.stray = req.Body != httpparse.NoBody
	lent := x.serve(c.sv.s.Handler)
	end := x.flags.Load()
	if c.sv.timed && (lent || x.own || end&flagWaited != 0) {
		now := time.Now()
		took := now.Sub(t.Now)
		t.Now = now
		if c.sv.s.WriteTimeoutRenews && took > c.sv.s.WriteTimeout/2 && end&(flagHijacked|flagAborted|flagUpgraded) == 0 {
			c.setWriteDeadline(now, c.sv.s.WriteTimeout)
		}
	}

	switch {
	case end&flagHijacked != 0:
		c.phase = phaseGone
		return transport.Gone, false
	case end&flagAborted != 0:
		c.phase = phaseEnd
		return transport.Abort, false
	case end&flagUpgraded != 0:
		c.phase = phaseUpgraded
		return transport.Become, false
	case end&flagLinger != 0:
		c.phase = phaseEnd
		return transport.Linger, false
	case end&flagClose != 0 || !req.KeepAlive:
		return c.leave(t), false
	}
	if c.sv.s.Hooks.State != nil && len(t.Out) > 0 {
		c.phase = phaseSent
		return transport.Write, false
	}
	return c.rest(t, lent)
}

// rest is for a connection whose answer is done and that may go on. A hook is told of it when the answer has left, as
// net/http does it: there are hooks that close the connection now.
func (c *Conn) rest(t *transport.Turn, lent bool) (next transport.Next, more bool) {
	c.phase = phaseNext
	if keep := c.sv.s.Hooks.KeepAlive; !c.enter(StateIdle) || keep != nil && !keep() {
		return c.leave(t), false
	}
	switch {
	case len(t.Out) > transport.OutHigh:
		return transport.Write, false
	case lent && len(t.In) > 0:
		return transport.Read, false
	}
	return transport.Read, true
}

// leave ends the connection after the answers in t.Out. With input that nobody will read, the kernel would answer the
// close with a reset.
func (c *Conn) leave(t *transport.Turn) transport.Next {
	c.phase = phaseEnd
	if len(t.In) > 0 && !t.EOF {
		return transport.Linger
	}
	return transport.Close
}

// setRequestDeadlines is called at the end of a head. The deadline of the body counts from the head's beginning.
// One that a handler left behind is lifted. After a head without a body nothing is read before the next wait, which has
// its own deadline.
func (c *Conn) setRequestDeadlines(t *transport.Turn, req *httpparse.Request) {
	if req.Body != httpparse.NoBody {
		c.setReadDeadline(transport.Time(c.since), c.sv.s.ReadTimeout)
	}
	c.setWriteDeadline(t.Now, c.sv.s.WriteTimeout)
}
