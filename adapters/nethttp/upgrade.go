package nethttp

import (
	"errors"
	"net/http"

	"github.com/peregrine-http/peregrine/engine"
)

// Upgrade has f answer the request and bring the connection over to another protocol, by engine.Exchange.Upgrade. It is
// given the handler's fields as lines, without those that frame a response. If f fails nothing has happened. It is for
// packages like upgrade, which find it with a type assertion behind whatever Unwraps.
func (w *response) Upgrade(f func(x *engine.Exchange, fields []byte) error) error {
	switch {
	case w.done.Load():
		panic("net/http: Upgrade called after ServeHTTP finished")
	case w.hijacked.Load():
		return http.ErrHijacked
	case w.wroteHeader:
		return errors.New("nethttp: Upgrade: the handler has written a header")
	}
	var fields []byte
	if len(w.header) > 0 {
		d := w.getDraft()
		d.render(w.header)
		fields = d.appendFields(nil, spanConnection, spanLength, spanType, spanCoding)
	}
	if err := f(w.x, fields); err != nil {
		return err
	}
	w.hijacked.Store(true)
	w.body.end()
	w.freeDraft()
	return nil
}
