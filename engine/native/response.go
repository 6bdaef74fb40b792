package native

import (
	"fmt"
	"net"
	"strconv"

	"github.com/peregrine-http/peregrine/constcache"
	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/httpparse"
)

// Response is what a handler answers with. It is valid until the handler returns, and belongs to the handler's goroutine,
// or to those that it delegates to and waits for.
//
// What is written is collected, and if the handler returns before it is much (16 KiB), head and body go out together,
// with a Content-Length. Otherwise the body is sent as it comes: framed by the declared Content-Length if there is one,
// in chunks, or for HTTP/1.0 by the connection's end.
type Response struct {
	x   *engine.Exchange // nil while an answer is recorded
	r   *Request
	srv *serving

	status   int // 0: not set
	fields   fields
	draft    []byte             // the body's beginning, before the head is made
	coded    []byte             // what the filter makes of a piece
	answer   *constcache.Answer // ready bytes, instead of everything else, until compose
	ask      constcache.Ask
	included int // how many bytes of field lines, the first ones, answer has too
	filter   Filter
	trailer  []byte // field lines
	events   *Events
	length   int64 // declared, or -1
	written  int64 // bytes of the body that the handler has written
	pending  int   // bytes of this response in the output, since the last flush
	err      error // of the connection; final

	minor    uint8 // of the request
	isHead   bool  // the request's method is HEAD
	sentHead bool
	chunked  bool
	filtered bool // filter takes part
	done     bool // the handler has returned
	gone     bool // hijacked, or cut: nothing more is sent
}

func (w *Response) begin(s *serving, x *engine.Exchange, r *Request) {
	w.x, w.r, w.srv = x, r, s
	w.minor = r.head.Minor
	w.isHead = r.isMethod("HEAD")
	w.reset()
}

// reset takes back everything that was composed. Only before the head is made.
func (w *Response) reset() {
	w.status, w.length, w.written, w.pending = 0, -1, 0, 0
	w.fields.reset()
	w.draft = w.draft[:0]
	w.sentHead, w.chunked, w.filtered, w.done, w.gone = false, false, false, false, false
}

// end drops what must not outlive the handler.
func (w *Response) end() {
	w.dropFilter()
	w.x, w.r, w.srv, w.answer, w.err = nil, nil, nil, nil, nil
	w.trailer = w.trailer[:0]
	if poisoned {
		poison(w.draft)
		poison(w.coded)
		poison(w.trailer)
		poison(w.fields.lines)
	}
	if cap(w.draft) > scratchKeep {
		w.draft = nil
	}
	if cap(w.coded) > scratchKeep {
		w.coded = nil
	}
	w.fields.shrink()
}

// Started reports whether the head is made, so that status and fields cannot be changed any more.
func (w *Response) Started() bool { return w.sentHead || w.gone }

// SetStatus sets the status, 200 to 599, or 101 for a handler that goes on to Hijack; the default is 200. It panics for
// another, and does nothing once the response has begun. For other 1xx there is Inform. With 204 and 304 a body that has been
// written is dropped.
func (w *Response) SetStatus(code int) {
	if (code < 200 || code > 599) && code != 101 {
		panic("native: SetStatus(" + strconv.Itoa(code) + "): want 200 to 599")
	}
	w.compose()
	if !w.Started() {
		w.status = code
	}
}

// Status returns the status as set, 200 if it has not been.
func (w *Response) Status() int {
	switch {
	case w.answer != nil:
		return w.answer.Status()
	case w.status == 0:
		return 200
	}
	return w.status
}

// Written returns how many bytes of the body have been written, before any content coding.
func (w *Response) Written() int64 { return w.written }

// Length returns the declared Content-Length in bytes, before any content coding; -1 if none has been declared.
func (w *Response) Length() int64 {
	w.compose()
	return w.length
}

// Write writes a part of the body. It keeps nothing of p. It fails with ErrBodyNotAllowed, ErrContentLength, or with what
// the connection says, which is final. It may wait for the peer, off the loop.
func (w *Response) Write(p []byte) (int, error) {
	if err := w.admit(int64(len(p))); err != nil {
		return 0, err
	}
	if !w.sentHead && len(w.draft)+len(p) <= draftMax || w.x == nil {
		w.draft = append(w.draft, p...)
		return len(p), nil
	}
	if err := w.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteString is Write for a string.
func (w *Response) WriteString(s string) (int, error) {
	if !w.sentHead && len(w.draft)+len(s) <= draftMax || w.x == nil {
		if err := w.admit(int64(len(s))); err != nil {
			return 0, err
		}
		w.draft = append(w.draft, s...)
		return len(s), nil
	}
	return w.Write([]byte(s))
}

// admit counts n bytes of the body, or says why they cannot be written.
func (w *Response) admit(n int64) error {
	w.compose()
	switch {
	case w.done || w.gone:
		return ErrStarted
	case w.err != nil:
		return w.err
	case n > 0 && !bodyAllowed(w.Status()):
		return ErrBodyNotAllowed
	case w.length >= 0 && w.written+n > w.length:
		return ErrContentLength
	}
	w.written += n
	return nil
}

// Flush sends what has been written so far, the head included, and waits until the kernel has taken it, off the loop.
func (w *Response) Flush() error {
	w.compose()
	switch {
	case w.err != nil:
		return w.err
	case w.done || w.gone:
		return ErrStarted
	case w.x == nil:
		return nil
	}
	if !w.sentHead {
		w.makeHead(w.draft, false)
		w.emit(w.draft)
		w.draft = w.draft[:0]
	}
	if w.filtered && w.err == nil {
		coded, err := w.filter.Append(w.coded[:0], nil, true)
		w.coded = coded[:0]
		if err != nil {
			w.failFilter(err)
		}
		w.frame(coded)
	}
	return w.flush()
}

// Inform sends an informational response, 103 (Early Hints) for example, with the fields that have been set so far. They
// stay for the response itself. For HTTP/1.0 nothing is sent. The status is 102 to 199.
func (w *Response) Inform(status int) error {
	if status < 102 || status > 199 {
		panic("native: Inform(" + strconv.Itoa(status) + "): want 102 to 199")
	}
	w.compose()
	switch {
	case w.sentHead || w.done || w.gone:
		return ErrStarted
	case w.x == nil || w.minor == 0:
		return nil
	}
	out := appendStatusLine(w.x.Out(), 1, status)
	out = append(out, w.fields.lines...)
	w.x.SetOut(append(out, "\r\n"...))
	return w.flush()
}

// SetTrailer sets a field that follows the body, which is then sent in chunks. Set before the response has begun, its name
// is announced in the head. HTTP/1.0 clients get none. It panics for a name that is not one, or that frames the message
// (RFC 9110, section 6.5.1).
func (w *Response) SetTrailer(name, value string) {
	checkName(name)
	switch httpparse.LookupField([]byte(name)) {
	case httpparse.FieldContentLength, httpparse.FieldTransferEncoding, httpparse.FieldHost, httpparse.FieldTrailer,
		httpparse.FieldContentEncoding, httpparse.FieldContentType, httpparse.FieldConnection:
		panic("native: SetTrailer: " + name + " cannot be a trailer")
	}
	if !w.sentHead {
		w.Add("Trailer", name)
	}
	w.trailer = appendField(w.trailer, name, value)
}

// Hijack takes the connection out of the server: what has been composed is dropped, what has been sent stays sent. over is
// a copy of what has been received behind the head. The caller closes conn, and the handler's error is dropped.
func (w *Response) Hijack() (conn net.Conn, over []byte, err error) {
	if w.x == nil {
		return nil, nil, ErrNoConn
	}
	if conn, over, err = w.x.Hijack(); err == nil {
		w.gone = true
	}
	return conn, over, err
}

// fail notes what the connection, or a filter, has said. It is final.
func (w *Response) fail(err error) {
	if w.err == nil {
		w.err = fmt.Errorf("native: response: %w", err)
	}
}
