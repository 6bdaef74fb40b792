package native

// finish completes the response of a handler that has returned, and reports whether the client has got all of it.
func (w *Response) finish() bool {
	switch {
	case w.gone:
		return true
	case w.answer != nil:
		w.sendAnswer()
		return true
	}
	w.done = true
	short := w.short()
	if !w.sentHead {
		p := w.makeHead(w.draft, true)
		if w.filtered {
			// A HEAD request: the head is as that of GET, and there is no more.
			return w.err == nil
		}
		w.frame(p)
	} else if w.filtered && w.err == nil && !short {
		coded, err := w.filter.End(w.coded[:0])
		w.coded = coded[:0]
		if err != nil {
			w.failFilter(err)
		}
		w.frame(coded)
	}
	if w.err != nil || short {
		return false // the last chunk, too, would tell the client that it has all
	}
	if w.chunked && !w.isHead {
		out := append(w.x.Out(), "0\r\n"...)
		out = append(out, w.trailer...)
		w.x.SetOut(append(out, "\r\n"...))
	}
	return true
}

// short reports whether the handler has written less than the Content-Length that it declared: the client would take the
// next answer's bytes for the rest.
func (w *Response) short() bool {
	return !w.isHead && w.written < w.length && bodyAllowed(w.Status())
}

// Error answers with a status, 400 to 599, and a line of plain text: message, or the status's name if it is "". What has
// been composed is dropped, except for fields that may matter to errors too (cookies, CORS, global ones): only those that
// describe the dropped body go.
func (w *Response) Error(status int, message string) error {
	w.compose()
	if w.Started() {
		return ErrStarted
	}
	if message == "" {
		message = statusText(status)
	}
	for _, name := range describing {
		w.Del(name)
	}
	w.draft, w.trailer, w.written, w.length = w.draft[:0], w.trailer[:0], 0, -1
	w.dropFilter()
	w.SetStatus(status)
	w.add("Content-Type", "text/plain; charset=utf-8")
	w.add("X-Content-Type-Options", "nosniff")
	w.draft = append(append(w.draft, message...), '\n')
	w.written = int64(len(w.draft))
	return nil
}

// describing are the fields that speak of a body which an error replaces.
var describing = []string{"Content-Type", "Content-Encoding", "Content-Length", "Content-Range", "ETag", "Last-Modified",
	"Cache-Control", "Expires", "X-Content-Type-Options", "Trailer", "Content-Disposition", "Content-Language", "Content-Location",
	"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"}
