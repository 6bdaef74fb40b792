package perf

import (
	"net/http"
	"testing"
)

func standardServer() served { return &http.Server{Handler: handler()} }

// BenchmarkRoundTrip is one request or message on one connection, with its client in the same process: what changes between
// two versions of a server shows here, and a comparison of servers belongs to cmd/bench.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range []struct {
		name    string
		server  func() served
		in, end string
	}{
		{"net-http/plaintext", standardServer, "GET /plaintext" + host, text},
		{"adapter/plaintext", adapterServer, "GET /plaintext" + host, text},
		{"adapter/const", adapterServer, "GET /const" + host, text},
		{"native/plaintext", nativeServer, "GET /plaintext" + host, text},
		{"native/const", nativeServer, "GET /const" + host, text},
		{"native/json", nativeServer, "GET /json" + host, `{"message":"` + text + `"}`},
		{"native/websocket", nativeServer, frame, frameWants},
	} {
		b.Run(c.name, func(b *testing.B) {
			a := newAsker(b, dial(b, start(b, c.server()), c.in == frame), c.in, c.end)
			b.ReportAllocs()
			for b.Loop() {
				a.once(b)
			}
		})
	}
}
