package constcache_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"time"

	"github.com/peregrine-http/peregrine/constcache"
)

func gzipped(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w.Write(body)
	err = w.Close()
	return b.Bytes(), err
}

var date = []byte("Sun, 06 Nov 1994 08:49:37 GMT")

// One answer, as two clients see it: one that asks for the first time, one that has it.
func Example() {
	a, err := constcache.Make(constcache.Source{
		Status: 200,
		Fields: []constcache.Field{{Name: "Content-Type", Value: "text/plain"}, {Name: "Cache-Control", Value: "max-age=60"}},
		Body:   []byte("Hello, World!"),
	}, constcache.Encoder{Name: "gzip", Encode: gzipped})
	if err != nil {
		fmt.Println(err)
		return
	}
	var out []byte
	out = a.Append(out, date, &constcache.Ask{Minor: 1})
	out = append(out, "\r\n\r\n"...)
	out = a.Append(out, date, &constcache.Ask{Minor: 1, IfNoneMatch: []byte(`"1ncQaIl3mvRxLWc4dpmOCA"`)})
	fmt.Printf("%s", bytes.ReplaceAll(out, []byte("\r"), nil))
	// Output:
	// HTTP/1.1 200 OK
	// Date: Sun, 06 Nov 1994 08:49:37 GMT
	// Content-Type: text/plain
	// Cache-Control: max-age=60
	// ETag: "1ncQaIl3mvRxLWc4dpmOCA"
	// Content-Length: 13
	//
	// Hello, World!
	//
	// HTTP/1.1 304 Not Modified
	// Date: Sun, 06 Nov 1994 08:49:37 GMT
	// Cache-Control: max-age=60
	// ETag: "1ncQaIl3mvRxLWc4dpmOCA"
}

// A route whose answer is made anew when it is older than a minute.
func ExampleCell() {
	var cell constcache.Cell
	report := func(now time.Time) *constcache.Answer {
		a, stale := cell.Get(now.UnixNano())
		if !stale {
			return a
		}
		a, err := constcache.Make(constcache.Source{Status: 200, Body: []byte(now.UTC().Format(time.TimeOnly))})
		if err != nil {
			cell.Abandon()
			return nil
		}
		cell.Set(a, now.UnixNano(), time.Minute)
		return a
	}
	start := time.Unix(0, 0)
	for _, after := range []time.Duration{0, 59 * time.Second, 60 * time.Second, 61 * time.Second} {
		_, _, body := report(start.Add(after)).Parts(&constcache.Ask{Minor: 1})
		fmt.Println(string(body))
	}
	// Output:
	// 00:00:00
	// 00:00:00
	// 00:01:00
	// 00:01:00
}
