package compress

import (
	"bytes"
	"sync"

	"github.com/peregrine-http/peregrine/engine/native"
)

// filter is one response's way through the middleware.
type filter struct {
	m      *middleware
	r      *native.Request
	coding *coding  // that the client likes best; nil for none
	enc    *encoder // from Begin to End, if the body is coded
	held   bool     // enc has bytes that no Flush has brought out
}

var filters = sync.Pool{New: func() any { return new(filter) }}

// Begin implements native.Filter.
func (f *filter) Begin(w *native.Response, p []byte, whole bool) bool {
	head := string(f.r.Method()) == "HEAD"
	unwritten := head && whole && len(p) == 0 // perhaps because nobody would get it
	size := w.Length()
	if whole && !unwritten {
		size = int64(len(p))
	}
	switch {
	case w.Status() == 304:
		f.unchanged(w)
		return false
	case !f.m.transformable(w) || !f.m.types.has(w.Get("Content-Type")):
		return false
	case size >= 0 && size < f.m.sizeMin:
		return false
	case unwritten && size < 0 && w.Get("Content-Type") == nil: // a redirect, say
		return false
	}
	w.Vary("Accept-Encoding")
	if f.coding == nil || unwritten && size < 0 {
		return false
	}
	if !head && !f.take() {
		return false
	}
	w.Set("Content-Encoding", f.coding.name)
	// These are not the bytes that a strong tag stands for (RFC 9110, section 8.8.3.3), but they mean the same.
	if tag := w.Get("ETag"); len(tag) > 0 && tag[0] == '"' {
		w.Set("ETag", "W/"+string(tag))
	}
	w.Del("Accept-Ranges") // of bytes that are not these
	return true
}

// digests are fields with a checksum of the bytes that the handler has written (RFC 9530, RFC 3230, RFC 1864).
var digests = [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"}

// transformable reports whether the body may be coded at all.
func (m *middleware) transformable(w *native.Response) bool {
	if w.Status() == 206 || w.Get("Content-Range") != nil { // parts of the uncoded bytes
		return false
	}
	for _, name := range digests {
		if w.Get(name) != nil {
			return false
		}
	}
	return !w.Lists("Cache-Control", "no-transform") // RFC 9111, section 5.2.2.6
}

// unchanged gives 304 the fields that 200 has had (RFC 9110, section 15.4.5): the tag that the client has asked with is weak
// if what it has is coded. Of a type that is not said Vary is right, if perhaps not needed.
func (f *filter) unchanged(w *native.Response) {
	if !f.m.transformable(w) || !f.m.types.has(w.Get("Content-Type")) {
		return
	}
	w.Vary("Accept-Encoding")
	tag := w.Get("ETag")
	if len(tag) == 0 || tag[0] != '"' {
		return
	}
	weak := "W/" + string(tag)
	for line := range f.r.HeaderValues("If-None-Match") {
		if bytes.Contains(line, []byte(weak)) {
			w.Set("ETag", weak)
			return
		}
	}
}

// take takes an encoder, if there is one to be had.
func (f *filter) take() bool {
	if f.m.free.Add(-1) < 0 {
		f.m.free.Add(1)
		return false
	}
	f.enc = f.coding.get()
	return true
}

// giveBack gives the encoder back, wherever its stream has ended.
func (f *filter) giveBack() {
	if f.enc != nil {
		f.coding.put(f.enc)
		f.m.free.Add(1)
		f.enc = nil
	}
}

// Append implements native.Filter.
func (f *filter) Append(dst, p []byte, flush bool) ([]byte, error) {
	if f.enc == nil { // HEAD
		return dst, nil
	}
	f.held = f.held || len(p) > 0
	flush = flush && f.held // gzip's marker would be sent each time
	f.held = f.held && !flush
	return f.enc.append(dst, p, flush)
}

// End implements native.Filter. The encoder need not wait until the client has got its bytes.
func (f *filter) End(dst []byte) ([]byte, error) {
	if f.enc == nil { // HEAD
		return dst, nil
	}
	dst, err := f.enc.end(dst)
	f.giveBack()
	return dst, err
}

// Release implements native.Filter.
func (f *filter) Release() {
	f.giveBack()
	*f = filter{}
	filters.Put(f)
}
