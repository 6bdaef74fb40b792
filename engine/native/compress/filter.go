package compress

import (
	"bytes"
	"strings"
	"sync"

	"github.com/peregrine-http/peregrine/engine/native"
)

// filter is one response's way through the middleware.
type filter struct {
	m      *middleware
	accept []byte // the request's Accept-Encoding, its lines joined (RFC 9110, section 5.3)
	coding *coding
	enc    *encoder
}

var filters = sync.Pool{New: func() any { return new(filter) }}

// acceptKeep bounds the space for Accept-Encoding, in bytes, that a pooled filter keeps.
const acceptKeep = 1 << 10

// Begin implements native.Filter.
func (f *filter) Begin(w *native.Response, p []byte, whole bool) bool {
	if !f.m.worthIt(w, p, whole) {
		return false
	}
	addVary(w)
	if f.coding = choose(f.m.codings, f.accept); f.coding == nil {
		return false
	}
	w.Set("Content-Encoding", f.coding.name)
	// The bytes of the other coding are not these (RFC 9110, section 8.8.3.3), but they mean the same.
	if tag := w.Get("ETag"); len(tag) > 0 && tag[0] == '"' {
		w.Set("ETag", "W/"+string(tag))
	}
	w.Del("Accept-Ranges") // of the uncoded bytes
	return true
}

// worthIt looks at everything but the client's wishes.
func (m *middleware) worthIt(w *native.Response, p []byte, whole bool) bool {
	switch {
	case w.Status() == 206 || w.Get("Content-Range") != nil: // parts of the uncoded bytes
		return false
	case whole && len(p) > 0 && len(p) < m.sizeMin:
		return false
	case whole && len(p) == 0 && w.Get("Content-Type") == nil:
		return false // nothing, or a HEAD that says as much
	case hasToken(w.Get("Cache-Control"), "no-transform"): // RFC 9111, section 5.2.2.6
		return false
	}
	return m.wants(w.Get("Content-Type"))
}

// wants reports whether a media type is one that compresses. No type stands for native's default, which is text.
func (m *middleware) wants(contentType []byte) bool {
	if len(contentType) == 0 {
		contentType = []byte("text/plain")
	}
	if i := bytes.IndexByte(contentType, ';'); i >= 0 {
		contentType = contentType[:i]
	}
	contentType = bytes.TrimSpace(contentType)
	for _, t := range m.types {
		if strings.HasSuffix(t, "/") {
			if len(contentType) >= len(t) && equalFold(contentType[:len(t)], t) {
				return true
			}
		} else if equalFold(contentType, t) {
			return true
		}
	}
	return false
}

// addVary adds Accept-Encoding to Vary, unless it is there.
func addVary(w *native.Response) {
	if v := w.Get("Vary"); !hasToken(v, "accept-encoding") && !hasToken(v, "*") {
		w.Add("Vary", "Accept-Encoding")
	}
}

// Append implements native.Filter.
func (f *filter) Append(dst, p []byte, flush bool) ([]byte, error) {
	if f.enc == nil {
		f.enc = f.coding.get()
	}
	return f.enc.append(dst, p, flush)
}

// End implements native.Filter.
func (f *filter) End(dst []byte) ([]byte, error) {
	if f.enc == nil {
		f.enc = f.coding.get()
	}
	return f.enc.end(dst)
}

// Release implements native.Filter.
func (f *filter) Release() {
	if f.enc != nil {
		f.coding.put(f.enc)
	}
	if cap(f.accept) > acceptKeep {
		f.accept = nil
	}
	*f = filter{accept: f.accept[:0]}
	filters.Put(f)
}
