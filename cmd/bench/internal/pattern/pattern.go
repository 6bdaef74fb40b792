package pattern

import (
	"io"
	"strings"
)

// Bytes is what is repeated. Nobody may write to it.
var Bytes = func() []byte {
	b := make([]byte, 32<<10+7)
	for i := range b {
		b[i] = 'a' + byte(i%23)
	}
	return b
}()

// Of is the first size bytes: what /bytes/{size} answers, and what a static file of that size contains.
func Of(size int) string {
	return strings.Repeat(string(Bytes), size/len(Bytes)+1)[:size]
}

// Reader reads Bytes, again and again, until left bytes have been read.
type Reader struct{ at, left int }

// NewReader reads n bytes.
func NewReader(n int) *Reader { return &Reader{left: n} }

// Read is an io.Reader's.
func (r *Reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.left)], Bytes[r.at:])
	r.at, r.left = (r.at+n)%len(Bytes), r.left-n
	return n, nil
}
