// Package upgrade brings requests of net/http's handlers over to Peregrine's WebSockets: connections that are served by the
// event loops, and cost neither a goroutine nor buffers while they are idle. The handler runs on nethttp.Server as any
// other, sees the request with its path values, cookies and fields, and decides whether to call WebSocket.
//
// It asks the ResponseWriter, or what that Unwraps to, for the method by which nethttp gives up a request; under other
// servers there is none. It is a package of its own so that programs without WebSockets do not link them.
//
// Invariant: when WebSocket has returned an error, the request has been answered, and the connection speaks HTTP.
package upgrade

import (
	"errors"
	"net/http"
	"strings"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// WebSocket answers an opening handshake and makes the connection one of e's, which begins when the handler has returned.
// Fields of w.Header, cookies say, are sent with the answer. value is what the connection's Value returns: what the
// handler has learnt from the request.
//
// A request that is no handshake, or one that e does not accept, is answered with 400, 403, 405, 426 or 503 and the reason,
// and an error is returned, to be logged if somebody is interested; the handler should return. So is one that is not
// served by a nethttp.Server, or whose ResponseWriter does not Unwrap: 500.
func WebSocket(w http.ResponseWriter, r *http.Request, e *websocket.Endpoint, value any) error {
	err := enter(w, r, e, value)
	if err == nil || errors.Is(err, http.ErrHijacked) {
		return err
	}
	status, fields := websocket.Status(err)
	for line := range strings.SplitSeq(fields, "\r\n") {
		if name, v, ok := strings.Cut(line, ": "); ok {
			w.Header().Set(name, v)
		}
	}
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodGet)
	}
	text := http.StatusText(status)
	if status != http.StatusInternalServerError {
		text = err.Error()
	}
	http.Error(w, text, status)
	return err
}

func enter(w http.ResponseWriter, r *http.Request, e *websocket.Endpoint, value any) error {
	if r.ProtoMajor != 1 {
		return wsproto.ErrProto // HTTP/2 has no Upgrade (RFC 9113, section 8.6): the client's mistake
	}
	u, err := find(w)
	if err != nil {
		return err
	}
	return u.Upgrade(func(x *engine.Exchange, fields []byte) error { return e.Upgrade(x, fields, value) })
}

type upgrader interface {
	Upgrade(f func(x *engine.Exchange, fields []byte) error) error
}

func find(w http.ResponseWriter) (upgrader, error) {
	for {
		if u, ok := w.(upgrader); ok {
			return u, nil
		}
		wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil, errors.New("upgrade: the ResponseWriter is not a nethttp.Server's, and has no method Unwrap")
		}
		w = wrapped.Unwrap()
	}
}
