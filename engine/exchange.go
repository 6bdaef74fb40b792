package engine

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/httpparse"
)

// Exchange is one request and its response. It is lent to Handler.ServeExchange until that returns, and then serves
// another request: keep nothing of it.
//
// Its methods belong to the goroutine that ServeExchange runs on, or to those it delegates to and waits for. One of
// them may read the body (ReadBody, BodyBuffered, Trailers) while another writes the response (Out, SetOut, Flush,
// OutFull, SendFile, SendContinue, Hijack). The other methods are any goroutine's while the exchange lasts.
//
// A handler that neither reads a body that is not here yet nor flushes never waits in here.
type Exchange struct {
	// Local belongs to the Handler: what it wants to find again in later exchanges of the same goroutine, whichever
	// connection they are of. It may be gone any time.
	Local any

	c    *Conn
	t    *transport.Turn
	req  *httpparse.Request
	head []byte
	own  bool // not on a loop: t.Now may be long ago

	flags atomic.Uint32 // flagX
	ctx   *Context

	body body // the reader's

	returned  bool // ServeExchange has returned
	continued bool // 100 (Continue) has been sent
}

// Bits of Exchange.flags.
const (
	flagBody     uint32 = 1 << iota // the body's end has not been reached
	flagClose                       // the connection ends after the response
	flagLinger                      // with lingering close; implies flagClose
	flagAborted                     // cut
	flagHijacked                    // the connection is the handler's
	flagWaited                      // the exchange may have waited: t.Now is stale
	flagUpgraded                    // another protocol follows
	flagReads                       // somebody is in ReadBody, and may wait there
	flagWrites                      // somebody is in Flush or SendFile
	flagRecalled                    // somebody was when the handler had returned
)

// ErrHijacked is what Hijack, Upgrade and Flush return after Hijack, and Hijack and Upgrade after Upgrade.
var ErrHijacked = errors.New("engine: connection has been hijacked")

// ErrBody is what Upgrade returns for a request whose body has not been read.
var ErrBody = errors.New("engine: the request's body has not been read")

func (x *Exchange) begin(c *Conn, t *transport.Turn, req *httpparse.Request, head []byte) {
	x.c, x.t, x.req, x.head = c, t, req, head
	x.own = c.phase == phaseOwn || !c.sv.loops
	x.ctx = nil
	x.returned, x.continued = false, false
	flags := uint32(0)
	x.body.data = nil
	if req.Body != httpparse.NoBody {
		flags = flagBody
		x.body.begin(req)
	}
	if x.flags.Load() != flags {
		x.flags.Store(flags)
	}
}

// serve runs the handler and brings its exchange to an end. It reports what Conn.End said. When the handler's goroutine
// ends inside (runtime.Goexit) it does not return.
func (x *Exchange) serve(h Handler) (lent bool) {
	defer func() {
		if !x.returned {
			x.escaped(recover())
		}
		lent = x.c.conn.End(x.t)
	}()
	h.ServeExchange(x)
	x.finish()
	x.returned = true
	return
}

// finish is for a handler that has returned.
func (x *Exchange) finish() {
	x.endContext()
	x.recall(flagReads | flagWrites)
	if f := x.flags.Load(); f&flagBody != 0 && f&(flagHijacked|flagAborted) == 0 {
		x.discardBody()
	}
}

// escaped is for a handler that ended by panic, or by runtime.Goexit, for which there is no value.
func (x *Exchange) escaped(value any) {
	c := x.c
	c.panicked(value)
	x.endContext()
	if x.flags.Load()&flagHijacked == 0 {
		x.Abort()
		c.phase = phaseEnd
	}
	x.recall(flagReads | flagWrites)
}

// Recall is for a handler layer whose handler has returned: it cuts the connection if a goroutine that the handler has left behind
// is still in Flush or SendFile, where it may wait for a peer that does not read, and returns when it has left them. It reports
// whether there was one, now or at an earlier call: what that goroutine has of the layer it may use still. A ReadBody that is
// under way is ended in the same way later, when ServeExchange has returned.
func (x *Exchange) Recall() bool { return x.recall(flagWrites) }

// recall sees to it that nobody is left in a call when the connection goes on to another exchange, or its place to another
// connection: the call would go on there.
func (x *Exchange) recall(calls uint32) bool {
	if x.flags.Load()&calls != 0 {
		x.Abort()
		x.flags.Or(flagRecalled)
		x.await(calls)
	}
	return x.flags.Load()&flagRecalled != 0
}

// await waits until nobody is in those calls, which have been made to fail.
func (x *Exchange) await(calls uint32) {
	for pause := time.Microsecond; x.flags.Load()&calls != 0; pause = min(2*pause, recallPauseMax) {
		time.Sleep(pause)
	}
}

func (x *Exchange) endContext() {
	if x.ctx != nil {
		x.ctx.end()
		x.ctx = nil
	}
}

// Conn returns the connection.
func (x *Exchange) Conn() *Conn { return x.c }

// Server returns the server.
func (x *Exchange) Server() *Server { return x.c.sv.s }

// Head returns the parsed head. Its spans are relative to HeadBytes. It is valid until ServeExchange returns.
func (x *Exchange) Head() *httpparse.Request { return x.req }

// HeadBytes returns the head as it was sent: a view, valid until ServeExchange returns.
func (x *Exchange) HeadBytes() []byte { return x.head }

// Now returns the time: on a loop the time of its turn, as long as the exchange has not waited, which saves reading
// the clock and is behind by at most the time the handler has run.
func (x *Exchange) Now() time.Time {
	if x.own || x.flags.Load()&flagWaited != 0 {
		return time.Now()
	}
	return x.t.Now
}

// Date returns the value of a Date field for Now: a view that is not written to again.
func (x *Exchange) Date() []byte {
	if x.own || x.flags.Load()&flagWaited != 0 {
		return dateAt(time.Now().Unix())
	}
	return dateAt(x.t.Now.Unix())
}

// SetClose makes this response the connection's last. With linger, the connection's end is held back until the peer has
// had the chance to read the response although it is still sending (see transport.Linger).
func (x *Exchange) SetClose(linger bool) {
	if linger {
		x.flags.Or(flagClose | flagLinger)
	} else {
		x.flags.Or(flagClose)
	}
}

// Closing reports whether this response is known to be the connection's last: by SetClose, by an error, or because
// the request says so.
func (x *Exchange) Closing() bool { return x.flags.Load()&flagClose != 0 || !x.req.KeepAlive }

// Stay declares that the handler does not wait for anything outside the exchange: on a loop it is left where it runs,
// however long it takes, and everybody else on the loop waits for it. The handler's goroutine only.
func (x *Exchange) Stay() { x.c.conn.Stay(x.t) }

// Leave declares that the handler is about to wait for something: a loop goes on without it from now on, and remembers
// the route. The handler's goroutine only.
func (x *Exchange) Leave() {
	x.flags.Or(flagWaited)
	x.c.conn.Leave(x.t)
}

// Abort cuts the connection: output that has not left is dropped, and what waits in the exchange wakes with
// net.ErrClosed.
func (x *Exchange) Abort() {
	x.flags.Or(flagAborted | flagClose)
	x.c.conn.Abort()
}

// SetReadDeadline bounds waiting for the body; the zero time lifts the bound. It replaces Server.ReadTimeout for this
// request.
func (x *Exchange) SetReadDeadline(at time.Time) {
	x.c.mark(markRead)
	x.c.conn.SetReadDeadline(at)
}

// SetWriteDeadline bounds waiting in Flush and SendFile and the sending of what the handler leaves behind; the zero
// time lifts the bound. It replaces Server.WriteTimeout for this request.
func (x *Exchange) SetWriteDeadline(at time.Time) {
	x.c.mark(markWrite)
	x.c.conn.SetWriteDeadline(at)
}

// Hijack takes the connection out of the server. Out is sent first. pending is a copy of what has been received and not
// read. Deadlines are lifted. A ReadBody that waits on another goroutine ends before; a Flush or SendFile is cut, and Hijack fails with
// net.ErrClosed. Afterwards the exchange may only be used for Conn, Server, Head and HeadBytes, and nobody but the caller closes the
// connection.
func (x *Exchange) Hijack() (nc net.Conn, pending []byte, err error) {
	if x.flags.Load()&(flagHijacked|flagUpgraded) != 0 {
		return nil, nil, ErrHijacked
	}
	c, t := x.c, x.t
	if x.Recall() {
		return nil, nil, net.ErrClosed
	}
	if x.flags.Load()&flagReads != 0 {
		x.SetReadDeadline(time.Unix(1, 0))
		x.await(flagReads)
	}
	if nc, err = c.conn.Hijack(t); err != nil {
		return nil, nil, err
	}
	x.flags.Or(flagHijacked | flagClose)
	if n := x.BodyBuffered(); n > 0 {
		pending = append(append(make([]byte, 0, n), x.body.data...), t.In...)
		x.body.data, t.In = nil, t.In[len(t.In):]
	}
	nc.SetDeadline(time.Time{})
	c.given(nc)
	c.enter(StateHijacked)
	return nc, pending, nil
}

// Upgrade has another protocol serve the connection when the handler has returned and what stands in Out then (a 101
// response) has been sent. open is called at once with the connection, and gives what serves it. Input behind the head is the
// new protocol's. Deadlines are lifted. Hooks see the connection as hijacked, and it does not count as open any more, but
// Shutdown waits for it: it must end soon after Drain. A panic in its Run is its own to recover from: nobody else does.
// A connection that ends first (the handler panics, the peer is gone) ends with its Closed, without a Run.
// It fails with ErrHijacked after Hijack, Upgrade or Abort, and with ErrBody for a request whose body has not been read;
// open has then not been called.
func (x *Exchange) Upgrade(open func(transport.Conn) transport.Protocol) error {
	switch f := x.flags.Load(); {
	case f&(flagHijacked|flagUpgraded|flagAborted) != 0:
		return ErrHijacked
	case f&flagBody != 0:
		return ErrBody
	}
	c := x.c
	c.RemoteAddrPort() // for who keeps c: it ends before the connection does
	p := open(c.conn)
	c.change(func(a *aside) { a.protocol = p })
	c.setReadDeadline(time.Time{}, 0)
	c.setWriteDeadline(time.Time{}, 0)
	x.flags.Or(flagUpgraded)
	c.sv.s.counters.upgraded.Add(1)
	c.enter(StateHijacked)
	return nil
}

// SetContext makes ctx the context of the exchange, once: the engine cancels it when the peer leaves, and when
// ServeExchange has returned. ctx has been given to Init with this exchange.
//
// The peer leaves when the connection is reset, when reading the body fails, and when it ends its side after
// the body has been read to its end: before that, the end of its side may be the end of an incomplete body.
func (x *Exchange) SetContext(ctx *Context) {
	x.ctx = ctx
}

// HungUp reports whether the peer is known to have ended its side or to be gone. It may still read.
func (x *Exchange) HungUp() bool { return x.c.conn.HungUp() }
