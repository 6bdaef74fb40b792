package nethttp

import (
	"strconv"
)

// spillSize is how much of a response waits in the output, in bytes, until it is sent while the handler still runs.
// Below it, one write to the kernel can answer many requests, and the handler never waits for the peer. net/http sends
// from 4096 on.
const spillSize = 16 << 10

// compose collects p in the draft, and sends the draft on whenever it is full. What is too large for it, and comes
// first, goes past it without a copy. Where one piece ends is where net/http ends it: chunks are the same.
func compose[T string | []byte](w *response, p T) (n int, err error) {
	d := w.getDraft()
	for len(p) > draftSize-d.n {
		if b, ok := any(p).([]byte); ok && d.n == 0 {
			if w.emit(b); w.writeErr != nil {
				return n, w.writeErr
			}
			return n + len(p), nil
		}
		m := copy(d.body[d.n:], p)
		d.n += m
		n += m
		p = p[m:]
		if w.emitDraft(); w.writeErr != nil {
			return n, w.writeErr
		}
	}
	m := copy(d.body[d.n:], p)
	d.n += m
	return n + m, nil
}

// emitDraft sends on what the draft has of the body.
func (w *response) emitDraft() {
	if d := w.draft; d != nil && d.n > 0 {
		w.emit(d.body[:d.n])
		d.n = 0
	}
}

// emit sends one piece of the body, after the head.
func (w *response) emit(p []byte) {
	if !w.sentHead {
		w.makeHead(p)
	}
	if w.head || w.writeErr != nil {
		return
	}
	out := w.x.Out()
	before := len(out)
	if w.chunked {
		out = strconv.AppendUint(out, uint64(len(p)), 16)
		out = append(out, "\r\n"...)
	}
	if w.pending+len(p) <= spillSize {
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

// endChunks ends a chunked body.
func (w *response) endChunks() {
	out := append(w.x.Out(), "0\r\n"...)
	if t := w.finalTrailers(); t != nil {
		d := w.getDraft()
		d.resetFields()
		d.render(t)
		out = append(out, d.fields...)
	}
	w.x.SetOut(append(out, "\r\n"...))
}

// flush sends the output and then more. An error is the connection's end: whoever waits for the request's context
// learns of it.
func (w *response) flush(more ...[]byte) error {
	if w.writeErr != nil {
		return w.writeErr
	}
	w.pending = 0
	if err := w.x.Flush(more...); err != nil {
		w.writeErr = err
		w.ex.ctx.Cancel()
	}
	return w.writeErr
}
