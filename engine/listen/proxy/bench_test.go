package proxy

import (
	"testing"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// BenchmarkConnection is what a header costs a connection; BenchmarkRequest what the layer costs each request after it.
func BenchmarkConnection(b *testing.B) {
	for _, c := range []struct{ name, header string }{{"v1", header1}, {"v2", v2(0x21, 0x11, tcp4)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			open := layered(b)
			conn := &plain{peer: local}
			in := []byte(c.header)
			var turn transport.Turn
			for b.Loop() {
				turn.In = in
				open(conn).Run(&turn)
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	b.ReportAllocs()
	s := layered(b)(&plain{peer: local})
	turn := transport.Turn{In: []byte(header1)}
	s.Run(&turn)
	in := []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	for b.Loop() {
		turn.In = in
		s.Run(&turn)
	}
}
