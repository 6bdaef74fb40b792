package native

import "strconv"

// defaultType is the Content-Type of a body whose handler has not said one. Nothing is sniffed: what a browser takes for
// markup is the handler's to declare.
const defaultType = "text/plain; charset=utf-8"

// makeHead decides how the body is framed and puts the head into the output. p is the body's beginning, or all of it if
// whole. The decisions stand in the order in which one depends on another.
func (w *Response) makeHead(p []byte, whole bool) []byte {
	x, f := w.x, &w.fields
	length := w.length
	if w.filter != nil && !f.encoded && (bodyAllowed(w.Status()) || w.Status() == 304) && !(whole && w.short()) {
		if w.filtered = w.filter.Begin(w, p, whole) && bodyAllowed(w.Status()); w.filtered {
			length = -1
			if whole && !w.isHead {
				p = w.encodeAll(p)
			}
		}
	}
	w.sentHead = true
	status := w.Status()
	allowed := bodyAllowed(status)
	if len(w.trailer) > 0 && w.minor == 1 && !w.isHead {
		length = -1 // only chunks can have something behind them
	}
	// Of a HEAD response without bytes the length is not known: the handler may have written none because nobody would
	// get them.
	if length < 0 && whole && len(w.trailer) == 0 && !(w.isHead && (w.filtered || len(p) == 0)) {
		length = int64(len(p))
	}
	switch {
	case !allowed:
		length = -1
	case w.isHead || length >= 0:
	case w.minor == 1:
		w.chunked = true
	default:
		x.SetClose(false) // the end of the connection is the end of the body
	}
	// A client that waits for 100 (Continue) and gets this instead may send its body or not, and we could not tell
	// where its next request begins (RFC 9110, section 10.1.1).
	if f.connection == connClose || w.r.head.Expect100 && !w.r.body.settled && !x.BodyDone() {
		x.SetClose(!x.BodyDone())
	}
	w.r.body.settled = true
	if status == 101 {
		// What follows is another protocol's. If nobody hijacks the connection for it, it must not be read as requests: a proxy
		// passes it on unseen.
		x.SetClose(!x.BodyDone())
	}
	if x.Server().Draining() {
		x.SetClose(false)
	}

	out := x.Out()
	before := len(out)
	out = appendStatusLine(out, w.minor, status)
	out = append(out, f.lines...)
	if !f.hasDate {
		out = append(out, "Date: "...)
		out = append(out, x.Date()...)
		out = append(out, "\r\n"...)
	}
	if allowed && !f.hasType && (len(p) > 0 || !whole) {
		out = append(out, "Content-Type: "+defaultType+"\r\n"...)
	}
	if length >= 0 {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, length, 10)
		out = append(out, "\r\n"...)
	} else if w.chunked {
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case status == 101 || f.connection == connUpgrade:
		out = append(out, "Connection: upgrade\r\n"...)
	case w.minor == 1 && x.Closing():
		out = append(out, "Connection: close\r\n"...)
	case w.minor == 0 && !x.Closing():
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	out = append(out, "\r\n"...)
	w.pending += len(out) - before
	x.SetOut(out)
	return p
}

// encodeAll has the filter encode a body that is whole.
func (w *Response) encodeAll(p []byte) []byte {
	coded, err := w.filter.Append(w.coded[:0], p, false)
	if err == nil {
		coded, err = w.filter.End(coded)
	}
	w.coded = coded[:0]
	w.filtered = false // nothing is left for it to do
	if err != nil {
		w.failFilter(err)
	}
	return coded
}
