package nethttp

import (
	"net/http"
	"net/textproto"
	"strings"
)

// declareTrailers notes the names of a Trailer field. Their values are those that the header map has for them when
// the handler has returned.
func (w *response) declareTrailers(list string) {
	for name := range strings.SplitSeq(list, ",") {
		name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
		if name != "" && validTrailer(name) {
			r := w.getRare()
			r.trailers = append(r.trailers, name)
		}
	}
}

// finalTrailers returns the declared trailers and those marked by http.TrailerPrefix, or nil.
func (w *response) finalTrailers() http.Header {
	var t http.Header
	for name, values := range w.header {
		if bare, ok := strings.CutPrefix(name, http.TrailerPrefix); ok && validTrailer(textproto.CanonicalMIMEHeaderKey(bare)) {
			if t == nil {
				t = make(http.Header)
			}
			t[bare] = values
		}
	}
	r := w.rare.Load()
	if r == nil {
		return t
	}
	for _, name := range r.trailers {
		if t == nil {
			t = make(http.Header)
		}
		for _, v := range w.header[name] {
			t.Add(name, v)
		}
	}
	return t
}

// validTrailer reports whether a field may come after the body: not if it frames or routes the message, or is needed
// before the body to know what to do with it (RFC 9110, section 6.5.1).
func validTrailer(name string) bool {
	if strings.HasPrefix(name, "If-") {
		return false
	}
	switch name {
	case "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Range",
		"Content-Type", "Expect", "Host", "Keep-Alive", "Max-Forwards", "Pragma", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te", "Trailer", "Transfer-Encoding",
		"Www-Authenticate":
		return false
	}
	return true
}
