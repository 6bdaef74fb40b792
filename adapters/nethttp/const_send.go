package nethttp

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/peregrine-http/peregrine/constcache"
)

// sendConstant answers r with a.
func sendConstant(w http.ResponseWriter, r *http.Request, a *constcache.Answer) {
	var room [askRoom]byte
	ask := constcache.Ask{Head: r.Method == "HEAD", Minor: 1}
	if len(r.Header) > 0 {
		if a.Status() == http.StatusOK && isPartial(r.Header) {
			serveConstantContent(w, r, a)
			return
		}
		rest := room[:0]
		ask.AcceptEncoding, rest = joinValues(rest, r.Header["Accept-Encoding"])
		ask.IfNoneMatch, rest = joinValues(rest, r.Header["If-None-Match"])
		ask.IfModifiedSince, _ = joinValues(rest, r.Header["If-Modified-Since"])
	}
	if res, ok := w.(*response); ok && res.isUntouched() {
		res.sendReady(a, &ask)
		return
	}
	status, fields, body := a.Parts(&ask)
	setConstantFields(w.Header(), fields, len(body) > 0)
	if bodyAllowed(status) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if len(body) > 0 && !ask.Head {
		w.Write(body)
	}
}

// isPartial reports whether a request may be answered with 206, 412 or 416.
func isPartial(h http.Header) bool {
	return len(h["Range"]) > 0 || len(h["If-Match"]) > 0 || len(h["If-Unmodified-Since"]) > 0
}

// serveConstantContent answers a request for a part, or with a condition that can fail, out of the body without a coding.
func serveConstantContent(w http.ResponseWriter, r *http.Request, a *constcache.Answer) {
	_, fields, body := a.Parts(&constcache.Ask{})
	var modified time.Time
	setConstantFields(w.Header(), fields, true)
	if t, err := http.ParseTime(w.Header().Get("Last-Modified")); err == nil {
		modified = t
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(body))
}

// setConstantFields puts the answer's fields in the place of those that have been set before, but for Vary: what the
// answer depends on outside of it, it still does. An answer with a body that has no type is not given one.
func setConstantFields(h http.Header, fields []constcache.Field, body bool) {
	for _, f := range fields {
		if name := http.CanonicalHeaderKey(f.Name); name != "Vary" {
			delete(h, name)
		}
	}
	for _, f := range fields {
		h.Add(f.Name, f.Value)
	}
	if _, typed := h["Content-Type"]; !typed && body {
		h["Content-Type"] = nil
	}
}

// askRoom is space for what decides between variants, in bytes. More is allocated.
const askRoom = 192

// joinValues appends the values of a field's lines to room, as one list (RFC 9110, section 5.3), and returns what is left
// of room.
func joinValues(room []byte, values []string) (joined, rest []byte) {
	if len(values) == 0 {
		return nil, room
	}
	joined = append(room, values[0]...)
	for _, v := range values[1:] {
		joined = append(joined, ", "...)
		joined = append(joined, v...)
	}
	return joined, joined[len(joined):]
}

// isUntouched reports whether nothing has been said yet that the response would have to take into account.
func (w *response) isUntouched() bool {
	return !w.wroteHeader && len(w.header) == 0 && w.body == nil && !w.hijacked.Load() && !w.done.Load()
}

// sendReady makes a the response. What decides about the connection is what makeHead looks at.
func (w *response) sendReady(a *constcache.Answer, ask *constcache.Ask) {
	w.close = w.wantsClose || !w.server().keepAlives()
	ask.Head, ask.Close = w.head, w.close
	if w.http10 {
		ask.Minor = 0
	}
	w.wroteHeader, w.sentHead, w.status = true, true, a.Status()
	w.length = 0 // nothing may be written any more

	before := len(w.x.Out())
	if a.Size() <= spillSize {
		out := a.Append(w.x.Out(), w.x.Date(), ask)
		w.pending += len(out) - before
		w.x.SetOut(out)
		return
	}
	out, body := a.AppendHead(w.x.Out(), w.x.Date(), ask)
	if len(body) > spillSize {
		w.x.SetOut(out)
		w.flush(body)
		return
	}
	out = append(out, body...)
	w.pending += len(out) - before
	w.x.SetOut(out)
}
