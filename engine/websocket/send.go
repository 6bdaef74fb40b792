package websocket

import (
	"errors"
	"time"

	"github.com/peregrine-http/peregrine/wsproto"
)

// What Send says of a message. All but ErrOldestDropped mean that it will not be sent.
var (
	// ErrClosed: a Close has been sent, or the connection has ended.
	ErrClosed = errors.New("websocket: connection closed")
	// ErrOldestDropped: the message was taken, and older ones were dropped for it (DropOldest).
	ErrOldestDropped = errors.New("websocket: queue full, older messages dropped")
	// ErrNewestDropped: the message was dropped (DropNewest).
	ErrNewestDropped = errors.New("websocket: queue full, message dropped")
	// ErrTooSlow: the connection is being closed because the peer does not read fast enough (Disconnect), or has been cut
	// because there was no room in time (Wait).
	ErrTooSlow = errors.New("websocket: queue full, connection closed")
	// ErrOpcode: the message is neither Text nor Binary.
	ErrOpcode = errors.New("websocket: Message.Opcode: want wsproto.Text or wsproto.Binary")
)

// Send sends a message, of which it keeps nothing. It returns when the socket or the queue has it, which says nothing of
// the peer. Only with Wait it may wait; on a loop the other connections go on.
func (c *Conn) Send(m Message) error {
	if m.Opcode != wsproto.Text && m.Opcode != wsproto.Binary {
		return ErrOpcode
	}
	if d := c.deflater(); d != nil && len(m.Data) >= wsproto.DeflateBytesMin {
		return c.sendDeflated(d, m)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.admit(len(m.Data), message)
	if err != nil && err != ErrOldestDropped {
		return err
	}
	q := c.queue()
	w := wsproto.NewWriter(nil)
	q.push(frame{b: q.filled(w.Message(q.space(len(m.Data)), m.Opcode, m.Data)), message: true}, c.has&open != 0)
	c.write()
	return err
}

// sendDeflated is Send for what is worth compressing. That takes its time, for which a loop must not wait, so it comes before
// c.mu is taken; but for messages that refer to each other, whose order must be known first. The queue has no more room
// taken than what it counts: a megabyte may have become a kilobyte.
func (c *Conn) sendDeflated(d *wsproto.Deflater, m Message) error {
	w := wsproto.NewWriter(d)
	var b []byte
	compress := func() { b = w.Message(buffers{}.Get(len(m.Data)+wsproto.HeaderBytesMax), m.Opcode, m.Data) }
	n := len(m.Data)
	if !d.Keeps() {
		compress()
		n = len(b)
	}
	defer func() { buffers{}.Put(b[:0]) }()
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.admit(n, message)
	if err != nil && err != ErrOldestDropped {
		return err
	}
	if d.Keeps() {
		compress()
	}
	q := c.queue()
	q.push(frame{b: q.filled(append(q.space(len(b)), b...)), message: true}, c.has&open != 0)
	c.write()
	return err
}

// SendText is Send for a string.
func (c *Conn) SendText(text string) error { return c.Send(Message{wsproto.Text, []byte(text)}) }

// kind is where a frame comes from, by which its place in the queue is given.
type kind uint8

const (
	message  kind = iota // Send
	fragment             // Writer: never dropped
	shared               // a topic: never waits
)

// admit decides about a frame with n bytes of payload, by the queue's bounds. c.mu is held, but not while it waits.
func (c *Conn) admit(n int, k kind) error {
	o := &c.e.o
	var late <-chan time.Time
	for {
		switch {
		case c.has&(closed|broken|ended) != 0:
			return ErrClosed
		case c.room(n, k):
			return nil
		case c.has&(batch|full) == batch && len(c.q.frames) > 0:
			c.flush() // what is collected counts only if the socket does not take it
			continue
		}
		switch slow := o.Slow; {
		case slow == Wait && k != shared:
			if late == nil && o.SendTimeout > 0 {
				timer := time.NewTimer(o.SendTimeout)
				defer timer.Stop()
				late = timer.C
			}
			if !c.waitForRoom(late) {
				return ErrTooSlow
			}
		case k == fragment:
			c.cut() // in the middle of a message no Close can say why
			return ErrTooSlow
		case slow == DropOldest:
			return c.makeRoom(n, k)
		case slow == Disconnect:
			c.e.counts.dropped.Add(uint64(1 + c.q.dropAll()))
			c.close(wsproto.TryAgainLater, "")
			return ErrTooSlow
		default:
			c.e.counts.dropped.Add(1)
			return ErrNewestDropped
		}
	}
}

// room reports whether a frame with n bytes of payload fits into the queue. Fragments do not count the messages that wait for
// their end: they would wait for each other. Nor do control frames; these and fragments are bounded like messages, because
// many small ones take little of the bound in bytes, and much memory.
func (c *Conn) room(n int, k kind) bool {
	q := c.q
	switch {
	case q == nil:
		return true
	case k == fragment:
		size := q.size - q.heldSize
		return size == 0 || size+n <= c.e.o.QueueBytesMax && q.loose() < c.e.o.QueueMessagesMax
	}
	return q.size == 0 || q.size+n <= c.e.o.QueueBytesMax && q.count < c.e.o.QueueMessagesMax
}

// vacant is room for a control frame with n bytes of payload.
func (c *Conn) vacant(n int) bool {
	if c.room(n, fragment) {
		return true
	}
	if c.has&batch == 0 {
		return false
	}
	c.flush()
	return c.has&broken == 0 && c.room(n, fragment)
}

// makeRoom drops the oldest messages until there is room, or none is left that has not begun to leave. The last one is
// taken in any case: it is the news.
func (c *Conn) makeRoom(n int, k kind) (err error) {
	for !c.room(n, k) && c.q.dropOldest() {
		c.e.counts.dropped.Add(1)
		err = ErrOldestDropped
	}
	if c.q.size == 0 {
		c.freeQueue()
	}
	return err
}

// waitForRoom waits until something has left. It reports false if that took too long: then the connection is cut.
func (c *Conn) waitForRoom(late <-chan time.Time) bool {
	if c.q.room == nil {
		c.q.room = make(chan struct{})
	}
	room := c.q.room
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-room:
		return true
	case <-late:
	}
	c.Cut()
	return false
}

func (c *Conn) deflater() *wsproto.Deflater {
	if c.more == nil {
		return nil
	}
	return c.more.deflater
}

func (c *Conn) queue() *queue {
	if c.q == nil {
		c.q = queues.Get().(*queue)
	}
	return c.q
}

// freeQueue gives the queue back, and wakes those who wait for room in it.
func (c *Conn) freeQueue() {
	c.wake()
	c.q.free()
	c.q = nil
}

func (c *Conn) wake() {
	if c.q.room != nil {
		close(c.q.room)
		c.q.room = nil
	}
}

// write is for a queue that has become longer.
func (c *Conn) write() {
	if c.has&batch == 0 || c.q.size >= batchMax {
		c.flush()
	}
}

// flush gives the socket what it takes. c.mu is held.
func (c *Conn) flush() {
	q := c.q
	if q == nil || c.has&(ended|broken) != 0 {
		return
	}
	for c.has&full == 0 && len(q.frames) > 0 {
		vec, size := q.next()
		n, err := c.tc.TryWrite(vec)
		clear(vec)
		if err != nil {
			c.lose()
			if c.has&closed == 0 || c.has&awaited != 0 {
				c.call()
			}
			return
		}
		q.sent(n)
		if n < size {
			c.has |= full
		}
		if n > 0 {
			c.wake()
		}
	}
	if q.size == 0 {
		c.freeQueue()
		if c.has&awaited != 0 {
			c.has &^= awaited
			c.tc.Notify()
		}
	}
}

// lose is for a socket that takes nothing any more.
func (c *Conn) lose() {
	c.has |= broken
	if c.q != nil {
		c.freeQueue()
	}
}

// Writer sends a message in fragments. It belongs to one goroutine at a time.
type Writer struct {
	c  *Conn
	w  wsproto.Writer
	op wsproto.Opcode
}

// Writer begins a message that is sent in fragments, one for each Write; Close ends it. Until then all other messages of
// the connection wait in its queue, those of topics included; if the connection is closed before, they are dropped. There
// can be one at a time: for another the error is ErrOpen.
func (c *Conn) Writer(opcode wsproto.Opcode) (*Writer, error) {
	if opcode != wsproto.Text && opcode != wsproto.Binary {
		return nil, ErrOpcode
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.has&(closed|broken|ended) != 0:
		return nil, ErrClosed
	case c.has&open != 0:
		return nil, ErrOpen
	}
	c.has |= open
	return &Writer{c: c, w: wsproto.NewWriter(nil), op: opcode}, nil
}

// ErrOpen is what Conn.Writer returns while another message is being sent in fragments.
var ErrOpen = errors.New("websocket: another message is being sent in fragments")

// Write sends a fragment. It keeps nothing of p, and may wait as Send does; fragments are never dropped, but with other
// policies than Wait, a queue without room ends the connection.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.send(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close sends the last fragment, which is empty.
func (w *Writer) Close() error {
	return w.send(nil, true)
}

func (w *Writer) send(p []byte, fin bool) error {
	c := w.c
	if c == nil {
		return ErrClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	if !fin {
		err = c.admit(len(p), fragment)
	} else if c.has&(closed|broken|ended) != 0 {
		err = ErrClosed
	}
	if err != nil {
		w.c = nil
		return err
	}
	q := c.queue()
	q.push(frame{b: q.filled(w.w.Fragment(q.space(len(p)), w.op, fin, p))}, false)
	c.has |= midway
	if fin {
		w.c = nil
		c.has &^= open | midway
		q.unhold()
	}
	c.write()
	return nil
}
