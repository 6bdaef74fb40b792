package nethttp

import (
	"io"
	"net/http"
	"runtime"

	"github.com/peregrine-http/peregrine/engine"
)

// panicStackMax bounds the stack that is logged for a panic, in bytes.
const panicStackMax = 64 << 10

// ServeExchange implements engine.Handler.
func (sv *serving) ServeExchange(x *engine.Exchange) {
	ex, err := newExchange(sv, x)
	if err != nil {
		refuseTarget(x)
		return
	}
	handler := sv.handler
	switch {
	case x.Head().ExpectOther:
		handler = http.HandlerFunc(expectationFailed)
	case ex.req.RequestURI == "*" && ex.req.Method == "OPTIONS" && !sv.srv.DisableGeneralOptionsHandler:
		handler = http.HandlerFunc(generalOptions)
	}
	ex.serve(handler)
}

// serve runs the handler. However it ends, nothing of x is reachable from the request afterwards.
func (ex *exchange) serve(handler http.Handler) {
	returned := false
	w := &ex.res
	defer func() {
		if !returned {
			ex.recovered(recover())
		}
		w.release()
	}()
	handler.ServeHTTP(w, &ex.req)
	w.endNotify()
	ex.ctx.Cancel()
	if !w.hijacked.Load() && !w.x.Recall() {
		w.finish()
	}
	returned = true
}

// recovered is for a handler that has panicked, or ended its goroutine, for which there is no value. What has been
// sent on is still sent, what is in the draft is not, and the connection ends, so that the client sees that the response
// is incomplete.
func (ex *exchange) recovered(value any) {
	if value != nil && value != http.ErrAbortHandler {
		stack := make([]byte, panicStackMax)
		stack = stack[:runtime.Stack(stack, false)]
		ex.res.server().logf("http: panic serving %v: %v\n%s", ex.req.RemoteAddr, value, stack)
	}
	ex.res.endNotify()
	ex.ctx.Cancel()
	if x := ex.res.x; !ex.res.hijacked.Load() {
		ex.res.body.interrupt()
		x.SetClose(!x.BodyDone())
	}
}

// release parts the request from the exchange, which serves another one next.
func (w *response) release() {
	w.done.Store(true)
	w.body.end()
	if !w.x.Recall() { // else somebody may have it still
		w.freeDraft()
	}
	w.x = nil
}

// expectationFailed answers an expectation that is not 100-continue (RFC 9110, section 10.1.1).
func expectationFailed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusExpectationFailed)
}

// generalOptions answers "OPTIONS *". A body has no meaning there; up to 4096 bytes of it are tolerated.
func generalOptions(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	if r.ContentLength != 0 {
		io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 4<<10))
	}
}

// refuseTarget answers a request-target that the parser let pass and package url does not, as net/http does.
func refuseTarget(x *engine.Exchange) {
	x.SetOut(append(x.Out(), "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Connection: close\r\n\r\n400 Bad Request"...))
	x.SetClose(true)
}
