package transport

import "sync"

// Sizes of pooled buffers in bytes. A head of ordinary size fits the small one; a loop's scratch is a large one.
const (
	BufferSmall  = 4 << 10
	BufferMedium = 16 << 10
	BufferLarge  = 64 << 10
)

// Buffer holds what one connection sent and its session has not consumed.
//
//	| consumed | unconsumed | free |
//	0        start         end    len(b)
//
// Invariant: 0 <= start <= end <= len(b).
type Buffer struct {
	b          []byte
	start, end int
	// kept: the buffer is a goroutine's scratch, lent to a Turn, which must not give it back.
	kept bool
}

var pools = [3]sync.Pool{}

func class(n int) int {
	switch {
	case n <= BufferSmall:
		return 0
	case n <= BufferMedium:
		return 1
	case n <= BufferLarge:
		return 2
	}
	return -1
}

// NewBuffer returns an empty buffer of at least n bytes. Up to BufferLarge it comes from a pool.
func NewBuffer(n int) *Buffer {
	c := class(n)
	if c < 0 {
		return &Buffer{b: make([]byte, n)}
	}
	if b, ok := pools[c].Get().(*Buffer); ok {
		b.start, b.end = 0, 0
		return b
	}
	return &Buffer{b: make([]byte, BufferSmall<<(2*c))}
}

// Keep says whether the buffer stays with its owner when a Turn is done with it. For transports.
func (b *Buffer) Keep(kept bool) { b.kept = kept }

// Free gives the buffer back, unless its owner keeps it. No view into it may be used afterwards; builds with the tag "poison" overwrite it,
// so that tests see one that is.
func (b *Buffer) Free() {
	if b.kept {
		return
	}
	if poisoned {
		poison(b.b)
	}
	if c := class(len(b.b)); c >= 0 && len(b.b) == BufferSmall<<(2*c) {
		pools[c].Put(b)
	}
}

// Len is the number of unconsumed bytes.
func (b *Buffer) Len() int { return b.end - b.start }

// Cap is the buffer's size.
func (b *Buffer) Cap() int { return len(b.b) }

// Reset empties the buffer.
func (b *Buffer) Reset() { b.start, b.end = 0, 0 }

func (b *Buffer) filled() []byte { return b.b[b.start:b.end:b.end] }
func (b *Buffer) space() []byte  { return b.b[b.end:] }

// keep consumes all but in, which must be a suffix of the filled part.
func (b *Buffer) keep(in []byte) { b.start = b.end - len(in) }

func (b *Buffer) load(in []byte) { b.start, b.end = 0, copy(b.b, in) }

func (b *Buffer) compact() {
	if b.start == b.end {
		b.start, b.end = 0, 0
	} else if b.start > 0 && b.end == len(b.b) {
		b.end = copy(b.b, b.b[b.start:b.end])
		b.start = 0
	}
}

// Bytes returns the unconsumed bytes: a view, valid until the buffer changes or is freed.
func (b *Buffer) Bytes() []byte { return b.filled() }

// Skip consumes n bytes.
func (b *Buffer) Skip(n int) { b.start += n }

// Holding returns a buffer of fitting size with a copy of p.
func Holding(p []byte) *Buffer {
	b := NewBuffer(len(p))
	b.load(p)
	return b
}

// Shrunk returns a buffer of fitting size with the same unconsumed bytes, and leaves b to its owner, empty.
func (b *Buffer) Shrunk() *Buffer {
	nb := Holding(b.filled())
	b.Reset()
	return nb
}

// Sink returns the whole buffer as a place for bytes that nobody will look at.
func (b *Buffer) Sink() []byte { return b.b }
