package overtls_test

import (
	"crypto/tls"
	"io"
	"testing"

	"github.com/peregrine-http/peregrine/engine"
)

// BenchmarkRequest: a request and its answer, over loopback, the client's part included.
func BenchmarkRequest(b *testing.B) {
	for _, transport := range []string{"epoll", "portable"} {
		b.Run(transport, func(b *testing.B) {
			s := serve(b, transport, func(x *engine.Exchange) { reply(x, "hello, world") })
			c := s.dial(b)
			must(b)(c.get("/"))
			in, out := []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				c.Write(in)
				if _, err := c.Conn.Read(out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHandshake: a connection, its handshake, and a request, the client's part included.
func BenchmarkHandshake(b *testing.B) {
	for name, cache := range map[string]tls.ClientSessionCache{"full": nil, "resumed": tls.NewLRUClientSessionCache(1)} {
		b.Run(name, func(b *testing.B) {
			s := serve(b, "", func(x *engine.Exchange) { reply(x, "hello, world") })
			for b.Loop() {
				c := s.dial(b, func(c *tls.Config) { c.ClientSessionCache = cache })
				must(b)(c.get("/"))
				c.Close()
			}
		})
	}
}

// BenchmarkDownload: a large body, a piece at a time.
func BenchmarkDownload(b *testing.B) {
	const size = 16 << 20
	piece := make([]byte, 64<<10)
	s := serve(b, "", func(x *engine.Exchange) {
		x.SetOut(append(x.Out(), "HTTP/1.0 200 OK\r\n\r\n"...))
		for range size / len(piece) {
			if x.Flush(piece) != nil {
				break
			}
		}
		x.SetClose(false)
	})
	b.SetBytes(size)
	for b.Loop() {
		c := s.dial(b)
		io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
		if n, err := io.Copy(io.Discard, c); err != nil || n < size {
			b.Fatal(n, err)
		}
		c.Close()
	}
}
