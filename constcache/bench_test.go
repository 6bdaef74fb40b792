package constcache_test

import (
	"testing"

	"github.com/peregrine-http/peregrine/constcache"
)

func BenchmarkAppend(b *testing.B) {
	hello := answer(b, constcache.Source{Status: 200, Fields: []constcache.Field{{"Content-Type", "text/plain"}}, Body: []byte("Hello, World!")})
	large := answer(b, constcache.Source{Status: 200, Fields: []constcache.Field{{"Content-Type", "text/html"}, {"ETag", `"v1"`}}, Body: page},
		constcache.Encoder{Name: "gzip", Encode: gzipped}, marked("zstd", 200), marked("br", 100))
	const browser = "gzip, deflate, br, zstd"
	for _, c := range []struct {
		name string
		a    *constcache.Answer
		ask  constcache.Ask
	}{
		{"hello", hello, constcache.Ask{Minor: 1}},
		{"hello/browser", hello, constcache.Ask{Minor: 1, AcceptEncoding: []byte(browser)}},
		{"hello/HEAD", hello, constcache.Ask{Minor: 1, Head: true}},
		{"hello/close", hello, constcache.Ask{Minor: 1, Close: true}},
		{"page", large, constcache.Ask{Minor: 1}},
		{"page/browser", large, constcache.Ask{Minor: 1, AcceptEncoding: []byte(browser)}},
		{"page/304", large, constcache.Ask{Minor: 1, AcceptEncoding: []byte(browser), IfNoneMatch: []byte(`"v1-br"`)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			out := make([]byte, 0, 16<<10)
			b.ReportAllocs()
			for b.Loop() {
				out = c.a.Append(out[:0], date, &c.ask)
			}
		})
	}
}

func BenchmarkCellGet(b *testing.B) {
	var c constcache.Cell
	c.Set(answer(b, constcache.Source{Status: 200}), 0, 0)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a, _ := c.Get(1); a == nil {
				b.Error("nothing")
			}
		}
	})
}
