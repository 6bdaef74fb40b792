package native

import (
	"strconv"
	"time"
)

// Filter changes a body on its way out: a content coding. It serves one response at a time.
type Filter interface {
	// Begin is called once, before the head is made: p is the body's beginning, and all of it if whole. It may read and
	// change status and fields. It reports whether the body goes through the filter. For a HEAD request nothing does,
	// but the fields must be those of GET; so with status 304, whose fields are those that 200 would have had.
	Begin(w *Response, p []byte, whole bool) bool
	// Append appends to dst what p becomes. With flush, all that it holds back.
	Append(dst, p []byte, flush bool) ([]byte, error)
	// End appends what is left.
	End(dst []byte) ([]byte, error)
	// Release is called once, last: the response has no use for the filter any more, however it has ended, and whether
	// or not Begin was called.
	Release()
}

// SetFilter has the response's body go through f, unless the handler sets a Content-Encoding of its own. It is for
// middleware, before it calls what comes next. There is one filter; a second call replaces it, nil removes it. It does
// nothing once the response has begun.
func (w *Response) SetFilter(f Filter) {
	if w.sentHead {
		if f != nil {
			f.Release()
		}
		return
	}
	w.dropFilter()
	w.filter = f
}

func (w *Response) dropFilter() {
	if f := w.filter; f != nil {
		w.filter = nil
		f.Release()
	}
}

// send sends p behind what has been collected, after the head.
func (w *Response) send(p []byte) error {
	if !w.sentHead {
		first := w.draft
		if len(first) == 0 {
			first = p
		}
		w.makeHead(first, false)
		w.emit(w.draft)
		w.draft = w.draft[:0]
	}
	w.emit(p)
	return w.err
}

// emit sends one piece of the body, through the filter if there is one, which never gets much at a time: what it makes of
// it is held until it is sent.
func (w *Response) emit(p []byte) {
	if !w.filtered {
		w.frame(p)
		return
	}
	for len(p) > 0 && !w.isHead && w.err == nil {
		n := min(len(p), scratchKeep)
		coded, err := w.filter.Append(w.coded[:0], p[:n], false)
		w.coded = coded[:0]
		if err != nil {
			w.failFilter(err)
			return
		}
		w.frame(coded)
		p = p[n:]
	}
}

// failFilter is for a filter that has failed. The head, or its beginning, may be on its way with a length that is wrong: the
// connection is cut.
func (w *Response) failFilter(err error) {
	w.srv.log.Error("filter failed", "error", err, "pattern", w.r.Pattern())
	w.fail(err)
	w.x.Abort()
}

// frame puts one piece into the output, in a chunk if need be, and sends when that is enough. A body that was written before
// the status was set to one without is dropped: the client would take it for the next response.
func (w *Response) frame(p []byte) {
	if w.isHead || w.err != nil || len(p) == 0 || !bodyAllowed(w.Status()) {
		return
	}
	out := w.x.Out()
	before := len(out)
	if w.chunked {
		out = strconv.AppendUint(out, uint64(len(p)), 16)
		out = append(out, "\r\n"...)
	}
	if w.pending+len(p) <= appendMax {
		out = append(out, p...)
		if w.chunked {
			out = append(out, "\r\n"...)
		}
		w.pending += len(out) - before
		w.x.SetOut(out)
		return
	}
	w.x.SetOut(out)
	if w.chunked {
		w.flush(p, crlf)
	} else {
		w.flush(p)
	}
}

var crlf = []byte("\r\n")

// flush sends the output and then more. The peer has a time to take it, anew each time: what matters is that it moves.
func (w *Response) flush(more ...[]byte) error {
	if w.err != nil {
		return w.err
	}
	w.pending = 0
	w.extendWriteDeadline()
	if err := w.x.Flush(more...); err != nil {
		w.fail(err)
	}
	return w.err
}

func (w *Response) extendWriteDeadline() {
	if d := w.srv.srv.WriteTimeout; d > 0 {
		w.x.SetWriteDeadline(time.Now().Add(d))
	}
}
