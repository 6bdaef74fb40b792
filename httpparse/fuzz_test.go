package httpparse

import (
	"bytes"
	"testing"
)

// FuzzParse: whole, bytewise, by the slow twin and by net/http, a message must come to the same.
func FuzzParse(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := judge(b); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
	})
}

// FuzzChunked decodes any bytes whole, in two pieces and bytewise.
func FuzzChunked(f *testing.F) {
	for _, b := range allBodies() {
		f.Add(b, uint(len(b)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint) {
		var c Chunked
		data, trailer, _, err := decodeCut(&c, b)
		for _, cuts := range [][]int{{int(cut % uint(len(b)+1))}, allCuts(min(len(b), 500))} {
			gotData, gotTrailer, _, gotErr := decodeCut(&c, b, cuts...)
			if gotErr != err || gotTrailer != trailer || gotData != data {
				t.Fatalf("%q cut at %v: %q %q %v, whole %q %q %v", b, cuts, gotData, gotTrailer, gotErr, data, trailer, err)
			}
		}
	})
}

// FuzzChunkedBothWays encodes any bytes in chunks of any size, and decodes them cut anywhere.
func FuzzChunkedBothWays(f *testing.F) {
	f.Add([]byte("hello world"), uint(3), uint(2))
	f.Add(bytes.Repeat([]byte("\r\n0\r\n\r\n"), 100), uint(16), uint(1))
	f.Fuzz(func(t *testing.T, data []byte, size, step uint) {
		size, step = size%5000+1, step%5000+1
		var b []byte
		for rest := data; len(rest) > 0; {
			n := min(len(rest), int(size))
			b = AppendChunk(b, rest[:n])
			rest = rest[n:]
		}
		b = append(b, LastChunk...)
		var cuts []int
		for at := 0; at < len(b); at += int(step) {
			cuts = append(cuts, at)
		}
		got, _, rest, err := decodeCut(new(Chunked), b, cuts...)
		if err != Done || rest != 0 || got != string(data) {
			t.Fatalf("%q in %d, cut by %d: %q %d %v", data, size, step, got, rest, err)
		}
	})
}
