package websocket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/wsproto"
)

// script plays pieces of input to a connection, in turns or when it waits for more, and the end of the stream.
type script struct {
	actor
	pieces [][]byte
}

func (s *script) Begin(*transport.Turn, []byte, []byte) bool { return true }
func (s *script) End(*transport.Turn) bool                   { return false }
func (s *script) Leave(*transport.Turn)                      {}

// take makes the next piece input. It reports false at the end of the stream.
func (s *script) take(t *transport.Turn) bool {
	if len(s.pieces) == 0 {
		t.EOF = true
		return false
	}
	t.In = bytes.Clone(s.pieces[0]) // it is changed, and of no use when the session has returned
	s.pieces = s.pieces[1:]
	return true
}

func (s *script) Fill(t *transport.Turn) error {
	if !s.take(t) {
		return io.EOF
	}
	return nil
}

// played is what has become of a connection.
type played struct {
	messages []string // "text hello"
	code     wsproto.CloseCode
	reason   string
	closes   int
	rule     string // that was broken
	sent     []byte
	queued   bool // something is left in the queue
}

// rules is a log of the rules that were broken.
type rules struct {
	slog.Handler
	last *string
}

func (r rules) Enabled(context.Context, slog.Level) bool { return true }

func (r rules) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if rule, ok := a.Value.Any().(*wsproto.Error); ok {
			*r.last = rule.Rule
		}
		return true
	})
	return nil
}

// play has a connection, with what was agreed on, get pieces and then the end of the stream.
func play(o Options, blocking bool, agreed *wsproto.Params, pieces ...[]byte) (p played) {
	take := func(_ *Conn, m Message) {
		p.messages = append(p.messages, fmt.Sprintf("%d %s", m.Opcode, m.Data))
	}
	if blocking {
		o.Serve = func(c *Conn) {
			for m, err := range c.Messages() {
				if err == nil {
					take(c, m)
				}
			}
		}
	} else {
		o.OnMessage = take
	}
	o.OnClose = func(_ *Conn, code wsproto.CloseCode, reason string) {
		p.code, p.reason = code, reason
		p.closes++
	}
	o.Logger = slog.New(rules{last: &p.rule})
	s := &script{actor{loop: new(stage), room: 1 << 30}, pieces}
	c := &Conn{e: New(o), tc: s}
	if agreed != nil || blocking {
		c.more = new(more)
	}
	if agreed != nil {
		c.more.deflater = wsproto.NewDeflater(wsproto.Server, *agreed, 6)
		c.more.inflater = wsproto.NewInflater(wsproto.Server, *agreed)
	}
	t := new(transport.Turn)
	for next := (*session)(c).Run(t); next == transport.Read && !t.EOF; next = (*session)(c).Run(t) {
		s.take(t)
	}
	p.queued = c.q != nil
	(*session)(c).Ending()
	(*session)(c).Closed(nil)
	p.sent = s.out
	return p
}
