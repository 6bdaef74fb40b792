package nethttp

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/httpparse"
)

// response is the http.ResponseWriter of one request.
//
// What a handler writes passes through three stages, as in net/http, and for the same reasons:
//
//	compose   WriteHeader fixes status and fields, Write collects the body's first 2048 bytes in a draft
//	head      when the draft is full, flushed, or the handler has returned, the head is made; it can have a
//	          Content-Length if this is all, and a Content-Type that fits the bytes
//	send      everything after it goes to the engine's output, framed, and from there to the kernel when there is enough
type response struct {
	ex *exchange
	x  *engine.Exchange // nil once the handler has returned

	body *body // the request's, or nil

	header http.Header // the handler's, made when it asks
	draft  *draft      // scratch, borrowed while there is something to compose

	status   int
	length   int64 // declared Content-Length, or -1
	written  int64 // body bytes that the handler has written
	pending  int   // bytes of this response in the engine's output
	writeErr error // of the connection; final

	http10      bool // the request is HTTP/1.0
	wantsClose  bool // the request asks for the connection's end
	head        bool // the request is HEAD
	wroteHeader bool // WriteHeader has been called: status and fields are fixed
	sentHead    bool // the head is in the output
	chunked     bool // the body is chunked; known when the head is made
	close       bool // the connection ends after this response
	fullDuplex  bool

	done     atomic.Bool // the handler has returned
	hijacked atomic.Bool

	rare atomic.Pointer[rare]
}

// rare is what few responses need.
type rare struct {
	conn     net.Conn // after Hijack
	notify   closeNotify
	trailers []string // announced by a Trailer field
}

func (w *response) getRare() *rare {
	if w.rare.Load() == nil {
		w.rare.CompareAndSwap(nil, new(rare))
	}
	return w.rare.Load()
}

func (w *response) server() *Server { return w.ex.ctx.sv.srv }

func (w *response) begin(ex *exchange, x *engine.Exchange, h *httpparse.Request) {
	w.ex, w.x = ex, x
	w.length = -1
	w.http10 = h.Minor == 0 && !h.Preface
	w.wantsClose = !h.KeepAlive
	w.head = ex.req.Method == "HEAD"
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(code int) {
	if w.hijacked.Load() {
		w.logCaller("http: response.WriteHeader on hijacked connection from %s (%s:%d)")
		return
	}
	if w.wroteHeader {
		w.logCaller("http: superfluous response.WriteHeader call from %s (%s:%d)")
		return
	}
	if code < 100 || code > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", code))
	}
	if w.done.Load() {
		return
	}
	if code < 101 || code > 199 {
		w.body.forbidContinue()
	}
	if code <= 199 && code != http.StatusSwitchingProtocols {
		w.sendInformational(code)
		return
	}
	if w.body != nil && w.body.hitLimit.Load() {
		w.Header().Set("Connection", "close")
	}
	w.wroteHeader = true
	w.status = code
	w.fixFields()
}

// sendInformational sends a 1xx response, which has no body and changes nothing about the response to come.
func (w *response) sendInformational(code int) {
	d := w.getDraft()
	d.render(w.header)
	out := appendStatusLine(w.x.Out(), w.http10, code)
	out = d.appendFields(out, spanLength, spanCoding)
	out = append(out, "\r\n"...)
	d.resetFields()
	w.x.SetOut(out)
	w.flush()
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) { return write(w, p) }

// WriteString implements io.StringWriter.
func (w *response) WriteString(s string) (int, error) { return write(w, s) }

func write[T string | []byte](w *response, p T) (int, error) {
	if w.hijacked.Load() {
		if len(p) > 0 {
			w.logCaller("http: response.Write on hijacked connection from %s (%s:%d)")
		}
		return 0, http.ErrHijacked
	}
	if w.done.Load() {
		return 0, errFinished
	}
	w.body.forbidContinue()
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !bodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if w.writeErr != nil {
		return 0, w.writeErr
	}
	w.written += int64(len(p))
	if w.length != -1 && w.written > w.length {
		return 0, http.ErrContentLength
	}
	return compose(w, p)
}

// Flush implements http.Flusher.
func (w *response) Flush() { w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *response) FlushError() error {
	if w.hijacked.Load() {
		return http.ErrHijacked
	}
	if w.done.Load() {
		return errFinished
	}
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	w.emitDraft()
	if !w.sentHead {
		w.makeHead(nil)
	}
	return w.flush()
}

// finish completes the response of a handler that has returned, and decides whether the connection can be kept.
func (w *response) finish() {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	w.done.Store(true)
	w.emitDraft()
	if !w.sentHead {
		w.makeHead(nil)
	}
	if w.chunked {
		w.endChunks()
	}
	w.finishBody()
	if w.mustClose() {
		w.x.SetClose(!w.x.BodyDone())
	}
	if form := w.ex.req.MultipartForm; form != nil {
		form.RemoveAll()
	}
}

// finishBody closes the request's body. If that has to wait for the client, the client first gets its response, which
// may be what it waits for.
func (w *response) finishBody() {
	b := w.body
	if b == nil {
		return
	}
	if b.hitLimit.Load() || b.interrupt() {
		w.close = true
	}
	if w.close || b.ended.Load() {
		return
	}
	w.flush()
	if b.Close() != nil || !b.ended.Load() {
		w.close = true
	}
}

// mustClose reports whether the connection ends here, for a reason that may have come up after the head.
func (w *response) mustClose() bool {
	return w.close || w.writeErr != nil || !w.head && w.length != -1 && bodyAllowed(w.status) && w.length != w.written
}

// bodyAllowed reports whether a response with this status has a body (RFC 9110, section 6.4.1).
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// logCaller logs a misuse of w with the place where it happened, in net/http's words.
func (w *response) logCaller(format string) {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !more || !strings.HasPrefix(f.Function, "net/http.") && !strings.HasPrefix(f.Function, ownPackage) {
			w.server().logf(format, f.Function, path.Base(f.File), f.Line)
			return
		}
	}
}

var errFinished = errors.New("nethttp: the handler has returned")

const ownPackage = "github.com/peregrine-http/peregrine/adapters/nethttp."
