package load

import "time"

// Group is one part of a load: connections that send the same requests.
type Group struct {
	Name     string
	Conns    int
	depth    int        // requests sent at once, on a connection that is kept
	Requests []*Request // one, or those of a mix
	order    []int      // of a mix: which request follows which, again and again
	Batch    []byte     // what is sent at once where there is one request: it, or several for pipelining
	Close    bool       // a connection for every request
	Rate     float64    // requests a second of an open loop; 0: a closed loop

	schedule *schedule // of an open loop, made when the run begins
}

// NewGroup is conns connections that all send r, depth of it at once.
func NewGroup(name string, conns, depth int, r *Request) *Group {
	g := &Group{Name: name, Conns: conns, depth: depth, Requests: []*Request{r}}
	if r.socket != nil {
		r.socket.prepare(depth)
		return g
	}
	for range depth {
		g.Batch = append(g.Batch, r.wire...)
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

// client is one connection without its I/O: a batch is sent, every response to it is checked, then the next one is sent.
// Latency counts to the arrival of a response's last byte: in a closed loop from the sending of its batch (with a connection
// per request, from the beginning of the connect), in an open loop from when it was to be sent, however late that was done.
type client struct {
	group   *Group
	tally   *Tally
	check   checker
	socket  *socketClient // nil: HTTP
	memos   []memo        // by request
	place   int           // in the order of a mix
	asked   []int         // of a mix: the requests outstanding, in order
	batch   []byte        // of a mix, pipelined: room for what is sent
	pending int
	started int64 // from when latency counts, in nanoseconds of the run
	sent    int64 // when sending began
}

// newClient makes the n-th client of a group. memos has one for each of its requests, and belongs to the caller's goroutine.
func newClient(g *Group, t *Tally, memos []memo, n int) client {
	c := client{group: g, tally: t, memos: memos}
	if len(g.order) > 0 {
		c.place = n * len(g.order) / max(1, g.Conns) % len(g.order) // not all of them on the same request at a time
	}
	c.expect(0)
	if s := g.Requests[0].socket; s != nil {
		c.socket = newSocketClient(s, n)
	}
	return c
}

// expect has the checker judge the next response by what request i wants.
func (c *client) expect(i int) {
	c.check.want, c.check.memo = &c.group.Requests[i].Want, &c.memos[i]
}

// send begins a batch at now, with latency counted from started, and returns its bytes, which stay what they are until the
// next send.
func (c *client) send(started, now int64) []byte {
	g := c.group
	c.pending, c.started, c.sent = g.depth, started, now
	if c.socket != nil {
		return c.sendMessages()
	}
	if len(g.order) == 0 {
		return g.Batch
	}
	c.asked, c.batch = c.asked[:0], c.batch[:0]
	for range g.depth {
		i := g.order[c.place]
		c.place = (c.place + 1) % len(g.order)
		c.asked = append(c.asked, i)
		if g.depth > 1 {
			c.batch = append(c.batch, g.Requests[i].wire...)
		}
	}
	c.expect(c.asked[0])
	if g.depth == 1 {
		return g.Requests[c.asked[0]].wire
	}
	return c.batch
}

// receive takes what has arrived at now, all of it.
func (c *client) receive(p []byte, now int64, counts bool) next {
	if c.socket != nil {
		return c.receiveFrames(p, now, counts)
	}
	t := c.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	if counts {
		t.Bytes += uint64(len(p))
	}
	good := 0
	defer func() {
		if counts && good > 0 {
			c.count(now, good)
		}
	}()
	for len(p) > 0 {
		if c.pending == 0 {
			t.fail("unasked bytes", "bytes that answer no request: %q", Cut(p))
			return wantOut
		}
		n, done := c.check.feed(p)
		p = p[n:]
		if !done {
			return wantRead
		}
		if c.answered(counts) {
			good++
		}
		if c.check.broken {
			return wantOut
		}
		if c.check.close || c.group.Close {
			return c.closed(counts)
		}
	}
	if c.pending == 0 {
		return wantSend
	}
	return wantRead
}

// count measures good responses. In an open loop, answers to what was due before the measured part tell how many the server gives
// a second, but not how long they take.
func (c *client) count(now int64, good int) {
	c.tally.Requests += uint64(good)
	c.tally.slowest = max(c.tally.slowest, time.Duration(now-c.sent))
	if s := c.group.schedule; s == nil || c.started >= s.from.Load() {
		c.tally.latency(now-c.started, int64(good))
	}
}

// answered notes that a response has ended, and reports whether it was as wanted.
func (c *client) answered(counts bool) bool {
	c.pending--
	request := 0
	if len(c.asked) > 0 {
		request = c.asked[len(c.asked)-1-c.pending]
		if c.pending > 0 {
			c.expect(c.asked[len(c.asked)-c.pending])
		}
	}
	if v := c.check.result; v.kind != "" {
		c.tally.fail(v.kind, "%s", v.detail)
		return false
	}
	if counts && len(c.asked) > 0 {
		c.tally.answered(request)
	}
	return true
}

// closed is for a response after which the connection ends. Nothing is wrong with that unless requests were pipelined
// behind it.
func (c *client) closed(counts bool) next {
	if c.pending > 0 {
		c.tally.fail("closed early", "the server closed with %d of %d pipelined requests unanswered", c.pending, c.group.depth)
		return wantOut
	}
	if counts && !c.group.Close {
		c.tally.Reopened++
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
		if c.answered(counts) && counts {
			c.count(now, 1)
		}
		return c.closed(counts)
	case !c.check.fresh():
		t.fail("closed early", "the server closed in the middle of a response")
	case c.pending == 0 && c.group.Rate > 0:
		return wantFresh // between the requests of an open loop a server may find a connection idle for too long
	default:
		t.fail("closed early", "the server closed with %d requests unanswered", c.pending)
	}
	return wantOut
}

// again prepares the client for another connection.
func (c *client) again() {
	c.pending = 0
	if c.socket != nil {
		c.socket.restart()
	}
	c.check = checker{want: c.check.want, memo: c.check.memo}
}
