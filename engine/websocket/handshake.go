package websocket

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/wsproto"
)

// ErrDraining refuses handshakes while the server shuts down.
var ErrDraining = errors.New("websocket: the server is shutting down")

// Status returns what to answer to a request that Upgrade has refused: a status, and field lines that belong to it, or "".
// For an error that is no refusal it is 500.
func Status(err error) (status int, fields string) {
	if rule, ok := errors.AsType[*wsproto.Error](err); ok && rule.Status != 0 {
		if rule.Status == 426 {
			fields = wsproto.RefusalFields
		}
		return rule.Status, fields
	}
	if err == ErrDraining {
		return 503, "Connection: close\r\n"
	}
	return 500, ""
}

// Upgrade answers an opening handshake, and has the connection served by the endpoint when the handler has returned. The
// answer gets fields, which are lines that end in CRLF, but for those of the handshake itself and of a body. value is what
// Conn.Value returns.
//
// If the request is refused nothing is answered, and the error is a *wsproto.Error, ErrDraining, or one of
// engine.Exchange.Upgrade; Status knows the answer. The doors for handlers are native's Response.WebSocket, and package
// upgrade.
func (e *Endpoint) Upgrade(x *engine.Exchange, fields []byte, value any) error {
	err := e.upgrade(x, fields, value)
	if err != nil {
		e.counts.refused.Add(1)
		e.o.Logger.Debug("WebSocket refused", "error", err, "remote", x.Conn().Remote())
	}
	return err
}

func (e *Endpoint) upgrade(x *engine.Exchange, fields []byte, value any) error {
	if x.Server().Draining() {
		return ErrDraining
	}
	var opening wsproto.Opening
	head, b := x.Head(), x.HeadBytes()
	for i := range head.Fields {
		f := &head.Fields[i]
		opening.Field(f.Name.In(b), f.Value.In(b))
	}
	proto := []byte("HTTP/1.1")
	if head.Minor == 0 {
		proto = []byte("HTTP/1.0")
	}
	if err := opening.Check(head.Method.In(b), proto); err != nil {
		return err
	}
	if err := e.checkOrigin(&opening); err != nil {
		return err
	}
	c := &Conn{e: e, value: value}
	protocol := opening.Protocol(e.o.Subprotocols...)
	var agreed *wsproto.Params
	if e.o.Compression > 0 {
		if p, ok := opening.Deflate(e.params); ok {
			agreed = &p
		}
	}
	if protocol != "" || agreed != nil || e.o.Serve != nil {
		c.more = &more{protocol: protocol}
		if agreed != nil {
			c.more.deflater = wsproto.NewDeflater(wsproto.Server, *agreed, e.o.Compression)
			c.more.inflater = wsproto.NewInflater(wsproto.Server, *agreed)
		}
	}
	if err := x.Upgrade(func(tc transport.Conn) transport.Protocol {
		c.tc = tc
		return (*session)(c)
	}); err != nil {
		return err
	}
	out := opening.AppendAnswer(x.Out(), protocol, agreed)
	x.SetOut(append(appendOthers(out, fields), "\r\n"...))
	return nil
}

// appendOthers appends those of a handler's field lines that are not the handshake's own, nor about a body: a client that
// finds one of them twice breaks off.
func appendOthers(out, lines []byte) []byte {
	for line := range bytes.Lines(lines) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch name := strings.ToLower(string(name)); name {
		case "connection", "upgrade", "content-length", "content-type", "transfer-encoding":
		default:
			if !strings.HasPrefix(name, "sec-websocket-") {
				out = append(out, line...)
			}
		}
	}
	return out
}

// checkOrigin keeps foreign pages from using what the user's browser is allowed to do (RFC 6455, section 10.2).
func (e *Endpoint) checkOrigin(o *wsproto.Opening) error {
	if slices.Contains(e.o.Origins, "*") {
		return nil
	}
	return o.CheckOrigin(e.o.Origins...)
}
