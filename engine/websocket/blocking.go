package websocket

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/wsproto"
)

// CloseError is what Read returns when the connection has ended.
type CloseError struct {
	Code   wsproto.CloseCode // wsproto.Abnormal: without a Close
	Reason string
}

func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("websocket: closed with code %d", e.Code)
	}
	return fmt.Sprintf("websocket: closed with code %d: %s", e.Code, e.Reason)
}

// ErrNotServing is what Read returns outside of Options.Serve.
var ErrNotServing = errors.New("websocket: Read is for Options.Serve")

// serve runs Options.Serve, on a goroutine that may block.
func (c *Conn) serve(t *transport.Turn) {
	c.more.turn.Store(t)
	c.mu.Lock()
	c.has &^= batch
	c.has |= serving
	c.flush()
	if c.has&(closed|broken) != 0 {
		c.call() // it came before Read could be told
	}
	c.mu.Unlock()
	defer func() {
		c.recall()
		c.mu.Lock()
		c.has &^= serving
		c.mu.Unlock()
	}()
	c.e.o.Serve(c)
	c.Close(wsproto.NormalClosure, "")
}

// recall waits for a Read that goes on, on another goroutine, when Serve has ended: the turn, and the place of the connection, will be
// another's. It ends as the connection does, to which the peer has had a Close, or which is cut.
func (c *Conn) recall() {
	c.more.turn.Store(nil)
	if c.more.reads.Load() != 0 && !c.parting() {
		c.Cut()
	}
	for c.more.reads.Load() != 0 {
		time.Sleep(recallEvery)
	}
}

// Read waits for the next message. It is for the goroutine that runs Options.Serve; when that returns, a Read on another one ends as the
// connection does. m.Data is valid until the next Read, and
// until Serve returns. When the connection has ended the error is a *CloseError, and OnClose has been called.
func (c *Conn) Read() (m Message, err error) {
	if c.more == nil {
		return Message{}, ErrNotServing
	}
	c.more.reads.Add(1)
	defer c.more.reads.Add(-1)
	t := c.more.turn.Load()
	if t == nil {
		return Message{}, ErrNotServing
	}
	for {
		for len(t.In) > 0 && c.is&answered == 0 {
			c.heardAt(transport.Clock())
			if m, ok := c.next(t); ok && !c.closing() {
				return m, nil
			}
		}
		c.rest(t)
		if c.is&answered != 0 {
			return Message{}, c.more.end
		}
		switch err := c.tc.Fill(t); {
		case err == nil:
		case errors.Is(err, io.EOF): // there may be output that the peer waits for
			c.is |= answered
			c.end(wsproto.Abnormal, "")
		case errors.Is(err, os.ErrDeadlineExceeded):
			if c.is&timed == 0 && c.parting() {
				c.limit()
			} else if c.expired() {
				c.cutOff()
			}
		default:
			c.cutOff()
		}
	}
}

// cutOff ends a connection that is lost, in Serve.
func (c *Conn) cutOff() {
	c.is |= answered
	c.end(wsproto.Abnormal, "")
	c.Cut()
}

// Messages returns the messages that come, for Options.Serve. It ends when the peer has closed the connection; if it
// has ended in another way, the last pair has the error.
func (c *Conn) Messages() iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := c.Read()
			if e, ok := err.(*CloseError); ok && e.Code != wsproto.Abnormal {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}
