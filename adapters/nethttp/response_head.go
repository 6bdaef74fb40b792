package nethttp

import (
	"net/http"
	"strconv"
	"strings"
)

// fixFields takes the handler's fields as they are now, and the length they declare.
func (w *response) fixFields() {
	if len(w.header) == 0 {
		return
	}
	d := w.getDraft()
	d.render(w.header)
	if cl := d.facts.length; cl != "" {
		if n, err := strconv.ParseInt(cl, 10, 64); err == nil && n >= 0 {
			w.length = n
		} else {
			w.server().logf("http: invalid Content-Length of %q", cl)
			w.header.Del("Content-Length")
		}
	}
	for _, v := range w.header["Trailer"] {
		w.declareTrailers(v)
	}
}

// makeHead makes the head and puts it into the output. p is the first part of the body, or all of it if the handler
// has returned. What makeHead decides is net/http's, and stands here in the order in which one thing depends on another.
func (w *response) makeHead(p []byte) {
	w.sentHead = true
	d := w.getDraft()
	f := &d.facts
	keepAlives := w.server().keepAlives()
	allowed := bodyAllowed(w.status)
	hasCoding := f.coding != ""
	var without [4]bool
	without[spanLength] = f.hasLength && w.length == -1 // not a number

	// All of the body is here: its length is known. Of a HEAD response without bytes it is not: the handler may have
	// written none because nobody would get them.
	setLength := int64(-1)
	if w.done.Load() && allowed && !f.hasLength && !hasCoding && !f.trailers && (!w.head || len(p) > 0) {
		w.length = int64(len(p))
		setLength = w.length
	}
	hasLength := w.length != -1

	setConnection := ""
	switch {
	case w.http10 && !w.wantsClose && (w.head || hasLength || !allowed):
		if !f.hasConn {
			setConnection = "keep-alive"
		}
	case w.http10 || w.wantsClose:
		w.close = true
	}
	if f.connection == "close" || !keepAlives {
		w.close = true
	}
	// A client that waits for 100 Continue and gets this instead need not send its body, and we cannot tell where its
	// next request begins (RFC 9110, section 10.1.1).
	// Nor is a body read on that the handler has found too large.
	if b := w.body; b != nil && (b.expects && !b.ended.Load() || b.hitLimit.Load()) {
		w.close = true
	}
	if w.body != nil && !w.close && !w.fullDuplex {
		tooBig, broken := w.body.settle()
		w.close = w.close || tooBig || broken
		if tooBig {
			without[spanConnection] = true
			setConnection = "close"
		}
	}

	setType := ""
	if allowed {
		if !f.encoded && !f.hasType && !hasCoding && len(p) > 0 {
			setType = http.DetectContentType(p)
		}
	} else {
		without[spanLength], without[spanCoding] = true, true
		if w.status == http.StatusNotModified {
			without[spanType] = true
		}
	}

	if hasLength && hasCoding && f.coding != "identity" {
		w.server().logf("http: WriteHeader called with both Transfer-Encoding of %q and a Content-Length of %d",
			f.coding, w.length)
		without[spanLength] = true
		hasLength = false
	}
	switch {
	case w.head || !allowed || hasLength:
		without[spanCoding] = true
	case w.http10:
		w.close = true // the end of the connection is the end of the body
		without[spanCoding] = true
	case f.coding == "identity":
		w.close = true
		without[spanCoding] = true
	default:
		w.chunked = true
		without[spanCoding] = without[spanCoding] || f.coding == "chunked"
		without[spanLength] = true
	}

	switching := w.status == http.StatusSwitchingProtocols && f.upgrade
	if w.close && (!keepAlives || !hasToken(f.connection, "close")) && !switching {
		without[spanConnection] = true
		setConnection = ""
		if !w.http10 {
			setConnection = "close"
		}
	}

	// In one piece, since nothing but whole bytes may stand in the output.
	before := len(w.x.Out())
	out := appendStatusLine(w.x.Out(), w.http10, w.status)
	if len(d.fields) > 0 {
		var spans [4]int
		n := 0
		for span, drop := range without {
			if drop {
				spans[n] = span
				n++
			}
		}
		out = d.appendFields(out, spans[:n]...)
	}
	if !f.hasDate {
		out = append(out, "Date: "...)
		out = append(out, w.x.Date()...)
		out = append(out, "\r\n"...)
	}
	if setLength >= 0 {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, setLength, 10)
		out = append(out, "\r\n"...)
	}
	out = appendSet(out, "Content-Type: ", setType)
	out = appendSet(out, "Connection: ", setConnection)
	if w.chunked {
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	out = append(out, "\r\n"...)
	w.pending += len(out) - before
	w.x.SetOut(out)
}

func appendSet(out []byte, name, value string) []byte {
	if value == "" {
		return out
	}
	out = append(out, name...)
	out = append(out, value...)
	return append(out, "\r\n"...)
}

// statusLines has the status lines of HTTP/1.1 for the codes that have a name.
var statusLines = func() (lines [600]string) {
	for code := range lines {
		if text := http.StatusText(code); text != "" {
			lines[code] = "HTTP/1.1 " + strconv.Itoa(code) + " " + text + "\r\n"
		}
	}
	return lines
}()

func appendStatusLine(out []byte, http10 bool, code int) []byte {
	line := ""
	if code < len(statusLines) {
		line = statusLines[code]
	}
	if line == "" {
		n := strconv.Itoa(code)
		line = "HTTP/1.1 " + n + " status code " + n + "\r\n"
	}
	if http10 {
		out = append(out, "HTTP/1.0"...)
		line = strings.TrimPrefix(line, "HTTP/1.1")
	}
	return append(out, line...)
}
