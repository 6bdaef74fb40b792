package http2_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/http2"
	"github.com/peregrine-http/peregrine/engine/native"
)

// BenchmarkStream is a small answer on a stream, client included: what a native handler costs more than one of net/http's.
func BenchmarkStream(b *testing.B) {
	ask := func(b *testing.B, addr string) {
		c := client(b, upfront)
		get := func() {
			res, err := c.Get("http://" + addr + "/")
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		get()
		b.ReportAllocs()
		for b.Loop() {
			get()
		}
	}
	b.Run("native", func(b *testing.B) {
		hello := func(w *native.Response, r *native.Request) error { return w.Text(200, "hello") }
		ask(b, run(b, &native.Server{Router: router(map[string]native.Handler{"/": hello})}, http2.Options{}).plain)
	})
	b.Run("nethttp", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		p := new(http.Protocols)
		p.SetUnencryptedHTTP2(true)
		s := &http.Server{Protocols: p, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })}
		defer s.Close()
		go s.Serve(l)
		ask(b, l.Addr().String())
	})
}
