package main

// group is one part of a load: connections that all send the same request.
type group struct {
	name  string
	conns int
	want  *want
	batch []byte // what is sent at once: the request, or several for pipelining
	depth int    // requests in batch
}

func newGroup(name string, conns, depth int, r *request) *group {
	g := &group{name: name, conns: conns, want: &r.want, depth: depth}
	for range depth {
		g.batch = append(g.batch, r.wire...)
	}
	return g
}

// next is what a client wants after bytes have arrived.
type next uint8

const (
	wantRead  next = iota // responses are outstanding
	wantSend              // all have come: send the next batch
	wantFresh             // this connection is used up; the batch was answered in full
	wantOut               // this connection is lost; outstanding requests with it
)

// client is the closed loop of one connection without its I/O: a batch is sent, every response to it is checked, then
// the next one is sent. Latency counts from the sending of the batch to the arrival of a response's last byte.
type client struct {
	group   *group
	tally   *tally
	check   checker
	pending int
	started int64 // when the batch was sent, in nanoseconds of the run
}

func newClient(g *group, t *tally, m *memo) client {
	return client{group: g, tally: t, check: checker{want: g.want, memo: m}}
}

// send begins a batch and returns its bytes, which belong to the group.
func (c *client) send(now int64) []byte {
	c.pending, c.started = c.group.depth, now
	return c.group.batch
}

// receive takes what has arrived at now, all of it.
func (c *client) receive(p []byte, now int64, counts bool) next {
	t := c.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	if counts {
		t.bytes += uint64(len(p))
	}
	good := 0
	defer func() {
		if counts && good > 0 {
			t.requests += uint64(good)
			t.latency(now-c.started, int64(good))
		}
	}()
	for len(p) > 0 {
		if c.pending == 0 {
			t.fail("unasked bytes", "bytes that answer no request: %q", cut(p))
			return wantOut
		}
		n, done := c.check.feed(p)
		p = p[n:]
		if !done {
			return wantRead
		}
		c.pending--
		if v := c.check.result; v.kind != "" {
			t.fail(v.kind, "%s", v.detail)
		} else {
			good++
		}
		if c.check.broken {
			return wantOut
		}
		if c.check.close {
			return c.closed()
		}
	}
	if c.pending == 0 {
		return wantSend
	}
	return wantRead
}

// closed is for a response after which the server closes. Nothing is wrong with that unless requests were pipelined
// behind it.
func (c *client) closed() next {
	if c.pending > 0 {
		c.tally.fail("closed early", "the server closed with %d of %d pipelined requests unanswered", c.pending, c.group.depth)
		return wantOut
	}
	return wantFresh
}

// ended tells that the server ended the connection, in order (err nil) or not.
func (c *client) ended(err error, now int64, counts bool) next {
	t := c.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.fail(kindOf(err), "%v", err)
	case c.check.end():
		c.pending--
		if v := c.check.result; v.kind != "" {
			t.fail(v.kind, "%s", v.detail)
		} else if counts {
			t.requests++
			t.latency(now-c.started, 1)
		}
		return c.closed()
	case !c.check.fresh():
		t.fail("closed early", "the server closed in the middle of a response")
	default:
		t.fail("closed early", "the server closed with %d requests unanswered", c.pending)
	}
	return wantOut
}

// again prepares the client for another connection.
func (c *client) again() {
	c.pending = 0
	c.check = checker{want: c.group.want, memo: c.check.memo}
}
