package compress_test

import (
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/native/compress"
)

func ExampleNew() {
	rt := native.NewRouter()
	// Faster than the default, and only where it gains much.
	rt.Use(compress.New(compress.Options{GzipLevel: 1, SizeMin: 8 << 10}))
	rt.Handle("GET /report", func(w *native.Response, r *native.Request) error {
		return w.JSON(200, []string{"one", "two"})
	})
}
