package load

import (
	"strings"
	"testing"
)

// What a check costs when the response equals the last one, and when its Date has changed.
func BenchmarkChecker(b *testing.B) {
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Sat, 21 Nov 2026 04:43:3X GMT\r\nContent-Length: 5\r\n\r\nhello"
	one, two := []byte(strings.Replace(head, "X", "1", 1)), []byte(strings.Replace(head, "X", "2", 1))
	for _, c := range []struct {
		name string
		a, b []byte
	}{{"same", one, one}, {"changed", one, two}} {
		b.Run(c.name, func(b *testing.B) {
			k := checker{want: &wantHello, memo: &memo{}}
			b.SetBytes(int64(len(one)))
			b.ReportAllocs()
			for b.Loop() {
				k.feed(c.a)
				c.a, c.b = c.b, c.a
			}
		})
	}
}
