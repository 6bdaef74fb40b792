package websocket

import (
	"math/bits"
	"sync"

	"github.com/peregrine-http/peregrine/wsproto"
)

var readers = sync.Pool{New: func() any { return new(wsproto.Reader) }}

// buffers lends memory for messages that do not lie in one piece in the input: from pools, one for each power of two from
// 1 KiB to 1 MiB; what is larger is Go's to collect.
type buffers struct{}

const (
	smallest = 10 // bits
	largest  = 20
)

var pools [largest - smallest + 1]sync.Pool

// Get implements wsproto.Buffers.
func (buffers) Get(capacity int) []byte {
	class := max(bits.Len(uint(max(capacity, 1)-1)), smallest)
	if class > largest {
		return make([]byte, 0, capacity)
	}
	if b, ok := pools[class-smallest].Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, 1<<class)
}

// Put implements wsproto.Buffers.
func (buffers) Put(b []byte) {
	class := bits.Len(uint(cap(b))) - 1
	if class >= smallest && class <= largest {
		pools[class-smallest].Put(&b)
	}
}
