package native

import (
	"github.com/peregrine-http/peregrine/engine/websocket"
)

// WebSocket answers an opening handshake and makes the connection one of e's, which begins when the handler has returned.
// What has been set of fields, cookies say, is sent with the answer; a body is dropped. value is what the connection's
// Value returns: what the handler has learnt from the request, of which it must keep no views.
//
// If the request is no handshake, or one that e does not accept, nothing happens, and the error is an *Error with status
// 400, 403, 405, 426 or 503 and the reason, for the handler to return. It fails with ErrStarted once the response has
// begun.
func (w *Response) WebSocket(e *websocket.Endpoint, value any) error {
	w.compose()
	switch {
	case w.x == nil:
		return ErrNoConn
	case w.Started():
		return ErrStarted
	}
	err := e.Upgrade(w.x, w.fields.lines, value)
	if err == nil {
		w.gone = true
		return nil
	}
	status, _ := websocket.Status(err)
	switch status {
	case 405:
		w.Set("Allow", "GET")
	case 426:
		w.Set("Upgrade", "websocket")
		w.Set("Connection", "upgrade")
		w.Set("Sec-WebSocket-Version", "13")
	case 500:
		return err
	}
	return Errorf(status, "%w", err)
}
