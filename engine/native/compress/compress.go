package compress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/peregrine-http/peregrine/engine/native"
)

// Options say what is compressed, and how. A field that is zero means its default.
type Options struct {
	// Codings are the content codings that are offered, the best first: where a client likes two equally, the first is
	// used. Default: "zstd", "gzip"; there are no others.
	Codings []string
	// GzipLevel is 1 (fastest) to 9 (smallest). Default 5.
	GzipLevel int
	// ZstdLevel is 1 (fastest) to 4 (smallest), which are klauspost/compress's. Default 1.
	ZstdLevel int
	// SizeMin is the size in bytes below which a body is sent as it is, if all of it is known when the head is made.
	// Default SizeMinDefault. A negative number means that there is no such size.
	SizeMin int
	// Types are the media types that are worth it: "application/json", or "text/" for all that begin so. Default:
	// DefaultTypes.
	Types []string
}

// Bounds, in bytes.
const (
	// SizeMinDefault is less than what fits into one packet: smaller answers gain nothing.
	SizeMinDefault = 1024
	// zstdWindow bounds what an encoder remembers, and what a client has to: an encoder in use takes some four times that.
	zstdWindow = 128 << 10
)

// DefaultTypes returns the media types that are compressed by default: text, and what is text by another name.
func DefaultTypes() []string {
	return []string{"text/", "application/json", "application/javascript", "application/xml", "application/wasm",
		"application/manifest+json", "application/ld+json", "application/problem+json", "application/xhtml+xml",
		"application/rss+xml", "application/atom+xml", "application/x-ndjson", "image/svg+xml", "font/ttf", "font/otf"}
}

// middleware is what all responses of one New share.
type middleware struct {
	codings []*coding // the best first
	sizeMin int
	types   []string // in lower case
}

// New makes the middleware. It panics for an option that makes no sense, with its name.
func New(o Options) native.Middleware {
	m := &middleware{sizeMin: o.SizeMin, types: o.Types}
	if o.Codings == nil {
		o.Codings = []string{"zstd", "gzip"}
	}
	if o.GzipLevel == 0 {
		o.GzipLevel = 5
	}
	if o.ZstdLevel == 0 {
		o.ZstdLevel = 1
	}
	if m.sizeMin == 0 {
		m.sizeMin = SizeMinDefault
	}
	if m.types == nil {
		m.types = DefaultTypes()
	}
	m.types = slices.Clone(m.types)
	for i, t := range m.types {
		if t == "" || strings.ContainsAny(t, " ;,*") {
			panic(fmt.Sprintf("compress: Options.Types: %q: want a media type, or the beginning of one", t))
		}
		m.types[i] = strings.ToLower(t)
	}
	if o.GzipLevel < 1 || o.GzipLevel > 9 {
		panic(fmt.Sprintf("compress: Options.GzipLevel is %d: want 1 to 9", o.GzipLevel))
	}
	if o.ZstdLevel < 1 || o.ZstdLevel > 4 {
		panic(fmt.Sprintf("compress: Options.ZstdLevel is %d: want 1 to 4", o.ZstdLevel))
	}
	for i, name := range o.Codings {
		if slices.Contains(o.Codings[:i], name) {
			panic(fmt.Sprintf("compress: Options.Codings has %q twice", name))
		}
		switch name {
		case "gzip":
			m.codings = append(m.codings, newGzip(o.GzipLevel))
		case "zstd":
			m.codings = append(m.codings, newZstd(o.ZstdLevel))
		default:
			panic(fmt.Sprintf(`compress: Options.Codings: %q: want "gzip" or "zstd"`, name))
		}
	}
	if len(m.codings) == 0 {
		panic("compress: Options.Codings is empty")
	}
	return func(next native.Handler) native.Handler {
		return func(w *native.Response, r *native.Request) error {
			f := filters.Get().(*filter)
			f.m = m
			for v := range r.HeaderValues("Accept-Encoding") {
				if len(f.accept) > 0 {
					f.accept = append(f.accept, ',')
				}
				f.accept = append(f.accept, v...)
			}
			w.SetFilter(f)
			return next(w, r)
		}
	}
}
