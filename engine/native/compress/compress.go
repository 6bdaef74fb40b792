package compress

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/peregrine-http/peregrine/engine/native"
)

// Options say what is compressed, and how. A field that is zero means its default.
type Options struct {
	// Codings are the content codings that are offered, the best first: where a client likes two equally, the first is
	// used. Default: "zstd", "gzip"; there are no others.
	Codings []string
	// GzipLevel is 1 (fastest) to 9 (smallest). Default 6.
	GzipLevel int
	// ZstdLevel is 1 (fastest) to 4 (smallest), which are klauspost/compress's. Default 1. An encoder takes some 1, 2, 5 or
	// 36 MiB.
	ZstdLevel int
	// SizeMin is the size in bytes below which a body is sent as it is, if its size is known when the head is made: the
	// handler has declared it, or returned. Default SizeMinDefault. 1 means every body that is not empty.
	SizeMin int
	// EncodersMax bounds how many responses are being compressed at a time: what comes above it is sent as it is. A
	// response that is flushed, or larger than what is collected, has its encoder from head to end, all others only while
	// they are encoded. Default EncodersDefault.
	EncodersMax int
	// Types are the media types that are worth it: "application/json", or in groups, "text/" or "+json" for all that begin
	// or end so. text/event-stream is in no group: it is compressed if it is named. Default: DefaultTypes.
	Types []string
}

// middleware is what all responses of one New share.
type middleware struct {
	codings []*coding // the best first
	types   types
	sizeMin int64
	free    atomic.Int64 // encoders that may be taken
}

// New makes the middleware. It panics for an option that makes no sense, with its name.
func New(o Options) native.Middleware {
	if o.Codings == nil {
		o.Codings = []string{"zstd", "gzip"}
	}
	if o.Types == nil {
		o.Types = DefaultTypes()
	}
	m := &middleware{types: newTypes(o.Types)}
	m.sizeMin = int64(number("SizeMin", o.SizeMin, SizeMinDefault, 1<<30))
	m.free.Store(int64(number("EncodersMax", o.EncodersMax, EncodersDefault, 1<<30)))
	o.GzipLevel = number("GzipLevel", o.GzipLevel, gzipLevel, 9)
	o.ZstdLevel = number("ZstdLevel", o.ZstdLevel, zstdLevel, 4)
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
	return m.around
}

// number returns an option's value, which is 1 to most.
func number(name string, value, byDefault, most int) int {
	if value == 0 {
		value = byDefault
	}
	if value < 1 || value > most {
		panic(fmt.Sprintf("compress: Options.%s is %d: want 1 to %d", name, value, most))
	}
	return value
}

// around is the native.Middleware.
func (m *middleware) around(next native.Handler) native.Handler {
	return func(w *native.Response, r *native.Request) error {
		f := filters.Get().(*filter)
		f.m, f.r, f.coding = m, r, m.choose(r)
		w.SetFilter(f)
		return next(w, r)
	}
}

// choose returns the coding that the request likes best, nil for none.
func (m *middleware) choose(r *native.Request) *coding {
	a := newAsked()
	for line := range r.HeaderValues("Accept-Encoding") {
		a.read(line)
	}
	return a.best(m.codings)
}
