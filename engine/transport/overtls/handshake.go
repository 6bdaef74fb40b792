package overtls

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// What a transport that remembers slow requests knows handshakes by. No request has such a method.
var shakeMethod, shakePath = []byte("(TLS)"), []byte("handshake")

// hello waits for the first record: with no goroutine, as long as there is nothing to be computed.
func (c *Conn) hello(t *transport.Turn) transport.Next {
	c.turn = t
	ready := c.ready()
	c.turn = nil
	switch {
	case ready > 0:
		return transport.Own
	case !t.EOF:
		return transport.Read
	case len(t.In) == 0:
		return c.fail(t, io.EOF)
	}
	return c.fail(t, io.ErrUnexpectedEOF)
}

// stalled is for a first record that has not come in time.
func (c *Conn) stalled() transport.Next {
	return c.fail(nil, os.ErrDeadlineExceeded)
}

// shake runs the handshake, on a goroutine of its own.
func (c *Conn) shake(t *transport.Turn) transport.Next {
	if !c.outer.Begin(t, shakeMethod, shakePath) {
		return transport.Own
	}
	t.Unpin() // crypto/tls keeps no view of it
	ctx := context.Background()
	if f := c.layer.config.Context; f != nil {
		ctx = f(c.inner)
	}
	c.sit(t)
	err := c.handshake(ctx)
	c.rise()
	c.outer.End(t)
	t.Now = time.Now()
	if err != nil {
		return c.fail(t, err)
	}

	c.state = stateOpen
	c.lift(t.Now)
	if agreed := c.layer.config.Agreed; agreed != nil {
		serve, ok := agreed(c.inner, c.tls.ConnectionState().NegotiatedProtocol)
		switch {
		case serve != nil:
			return c.handOver(t, serve)
		case !ok:
			c.sit(t)
			defer c.rise()
			return c.end(transport.Close)
		}
	}
	return transport.Read
}

func (c *Conn) handshake(ctx context.Context) error {
	place := c.layer.admit(c)
	c.waits = true
	c.sending.Store(true)
	defer func() {
		c.waits = false
		c.sending.Store(false)
		c.layer.leave(place)
	}()
	return Handshake(ctx, c.tls)
}

// Handshake is c's, but that a callback of its configuration that panics is a *Panic, and ends this connection alone.
func Handshake(ctx context.Context, c *tls.Conn) (err error) {
	defer func() {
		if v := recover(); v != nil {
			stack := make([]byte, panicStackMax)
			err = &Panic{v, stack[:runtime.Stack(stack, false)]}
		}
	}()
	return c.HandshakeContext(ctx)
}

// Panic is what has become of a handshake in which a callback of tls.Config has panicked.
type Panic struct {
	Value any
	Stack []byte
}

// Error implements error.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// lift ends the handshake's deadlines. The session's have stood still meanwhile.
func (c *Conn) lift(now time.Time) {
	if c.layer.config.HandshakeTimeout > 0 {
		c.outer.SetWriteDeadline(time.Time{})
	} else if c.readBy == 0 {
		return
	}
	by := time.Time{}
	if c.readBy != 0 {
		by = transport.Time(c.readBy + transport.Nanos(now) - c.accepted)
	}
	c.outer.SetReadDeadline(by)
}

// fail ends a connection whose handshake has failed. crypto/tls has left an alert; one who speaks HTTP gets an answer
// that he can read, net/http's.
func (c *Conn) fail(t *transport.Turn, err error) transport.Next {
	c.state, c.over = stateEnd, err
	if c.crowded.Load() {
		err = errCrowded
	}
	answer, err := Explain(err)
	if answer != "" {
		t.Out = append(t.Out, answer...)
	}
	c.failed(err)
	if t == nil || t.EOF {
		return transport.Close
	}
	return transport.Linger
}

func (c *Conn) failed(err error) {
	if f := c.layer.config.Failed; f != nil {
		f(c, err)
	}
}

var (
	errCrowded = errors.New("cut after the longest wait of all, to make room for others")
	errPlain   = errors.New("client sent an HTTP request to an HTTPS server")
)

// Explain returns what to say to a client that has spoken HTTP instead of TLS, and what to log, if that is what a
// handshake's error is about; otherwise nothing, and the error.
func Explain(err error) (answer string, logged error) {
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok && e.Conn != nil {
		switch string(e.RecordHeader[:]) {
		case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
			return "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", errPlain
		}
	}
	return "", err
}
