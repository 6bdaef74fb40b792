package main

import (
	"io"
	"strings"
)

// pattern is what /bytes/{n} repeats: printable, and of a length that shows a shift.
var pattern = func() []byte {
	b := make([]byte, 32<<10+7)
	for i := range b {
		b[i] = 'a' + byte(i%23)
	}
	return b
}()

// patternOf is what /bytes/{size} answers, and what a static file of that size contains.
func patternOf(size int) string {
	return strings.Repeat(string(pattern), size/len(pattern)+1)[:size]
}

// patternReader reads pattern, again and again, until left bytes have been read.
type patternReader struct{ at, left int }

func newPatternReader(n int) *patternReader { return &patternReader{left: n} }

func (r *patternReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.left)], pattern[r.at:])
	r.at, r.left = (r.at+n)%len(pattern), r.left-n
	return n, nil
}
