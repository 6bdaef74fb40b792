package websocket

import (
	"encoding/binary"
	"hash/maphash"
	"runtime"
	"time"

	"github.com/peregrine-http/peregrine/wsproto"
)

// Close sends a Close with a code and a reason of at most 123 bytes, and waits for nothing: OnClose comes when the peer has
// answered, or has had CloseTimeout for it. What was sent before leaves first. From now on Send says ErrClosed, and
// messages of the peer are dropped. The code is one that may be sent, or wsproto.NoStatus; others are wsproto.ErrUnsendable.
func (c *Conn) Close(code wsproto.CloseCode, reason string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has&(closed|broken|ended) != 0 {
		return ErrClosed
	}
	return c.close(code, reason)
}

// Cut ends the connection at once.
func (c *Conn) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut()
}

// cut gives the connection up: whoever waits for anything of it wakes.
func (c *Conn) cut() {
	if c.has&(cut|ended) == 0 {
		c.has |= cut
		c.lose()
		c.tc.Abort()
	}
}

// close puts a Close behind everything else, and has Run see to its answer.
func (c *Conn) close(code wsproto.CloseCode, reason string) error {
	q := c.queue()
	w := wsproto.NewWriter(nil)
	b, err := w.Close(q.space(len(reason)+2), code, reason)
	if err != nil {
		if q.size == 0 {
			c.freeQueue()
		}
		return err
	}
	f := frame{b: q.filled(b)}
	c.finish()
	c.queue().push(f, false)
	c.write()
	c.call()
	return nil
}

// finish ends the output but for what is in the queue, and Close. Messages that have waited for the end of one that is sent
// in fragments cannot leave when that has no end (RFC 6455, section 5.4).
func (c *Conn) finish() {
	held := c.has&midway != 0
	c.has |= closed
	c.has &^= open | midway
	q := c.q
	if q == nil {
		return
	}
	c.wake() // there will be no room
	if held {
		c.e.counts.dropped.Add(uint64(q.dropHeld()))
	}
	q.unhold()
}

// call has the owner look at what has become of the output: in Run, or in Read, which wakes at its deadline.
func (c *Conn) call() {
	if c.has&serving != 0 {
		c.tc.SetReadDeadline(longAgo)
	} else {
		c.tc.Notify()
	}
}

var longAgo = time.Unix(1, 0)

// sendClose is for Run: a Close that answers the peer's, or says which rule it has broken.
func (c *Conn) sendClose(code wsproto.CloseCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has&(closed|broken|ended) == 0 {
		c.close(code, reason)
	}
}

// closing reports whether messages are dropped: a Close has been sent, or the connection is cut.
func (c *Conn) closing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.has&(closed|cut) != 0
}

// parting reports whether nothing can be sent any more.
func (c *Conn) parting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.has&(closed|broken) != 0
}

// pong answers a Ping. If the queue is full it is not answered: the peer does not read.
func (c *Conn) pong(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has&(closed|broken|ended) != 0 || !c.vacant(len(payload)) {
		return
	}
	q := c.queue()
	w := wsproto.NewWriter(nil)
	if b, err := w.Pong(q.space(len(payload)), payload); err == nil {
		q.push(frame{b: q.filled(b)}, false)
		c.write()
	}
}

// Ping asks the peer for an answer, which OnPong is told of. A connection that is silent for Options.PingEvery is asked
// without that. A queue without room takes none: ErrTooSlow.
func (c *Conn) Ping() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.has&(closed|broken|ended) != 0:
		return ErrClosed
	case !c.vacant(pingSize):
		return ErrTooSlow
	}
	var payload [pingSize]byte
	binary.LittleEndian.PutUint64(payload[:], uint64(time.Since(epoch)))
	binary.LittleEndian.PutUint64(payload[8:], c.seal(payload[:8]))
	q := c.queue()
	w := wsproto.NewWriter(nil)
	b, err := w.Ping(q.space(pingSize), payload[:])
	if err != nil {
		return err
	}
	q.push(frame{b: q.filled(b)}, false)
	c.write()
	return nil
}

// The payload of a Ping is the time, sealed for the connection: so nothing has to be remembered, and nobody can make up a
// round-trip time but by being slow.
const pingSize = 16

var (
	seed  = maphash.MakeSeed()
	epoch = time.Now()
)

func (c *Conn) seal(b []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.Write(b)
	maphash.WriteComparable(&h, c)
	return h.Sum64()
}

// answers reports how long ago the Ping was sent that a Pong answers, if it is one of ours.
func (c *Conn) answers(pong []byte) (rtt time.Duration, mine bool) {
	if len(pong) != pingSize || binary.LittleEndian.Uint64(pong[8:]) != c.seal(pong[:8]) {
		return 0, false
	}
	return time.Since(epoch) - time.Duration(binary.LittleEndian.Uint64(pong)), true
}

// escaped is for a callback that has panicked: the connection is closed with code 1011 (Internal Error). One that has ended
// its goroutine has no value, and its connection is cut.
func (c *Conn) escaped(value any) {
	if value == nil {
		c.Cut()
		return
	}
	stack := make([]byte, panicStackMax)
	stack = stack[:runtime.Stack(stack, false)]
	c.e.o.Logger.Error("WebSocket callback panicked", "panic", value, "stack", string(stack))
	c.Close(wsproto.InternalError, "")
}
