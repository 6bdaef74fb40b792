package radix

import (
	"encoding/binary"
	"math/bits"
)

// Paths are compared eight bytes at a time: the runs of a tree are short, and calling a function for each costs more
// than comparing. For that a path is copied to where eight bytes can be read even from its last one on.

const wordSize = 8

// load returns the eight bytes from i on, the first one lowest.
func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// segmentEnd returns the position of the first slash from i on, or size.
func segmentEnd(path []byte, i, size int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i < size; i += wordSize {
		w := load(path, i) ^ '/'*ones // a slash is zero now,
		if w = (w - ones) &^ w & tops; w != 0 {
			i += bits.TrailingZeros64(w) / 8 // and has the lowest top bit that is left
			break
		}
	}
	return min(i, size)
}

// padded returns a slice that begins with path and is wordSize bytes longer, whatever they are. It is valid until the next
// call.
func padded[S text](m *Match, path S) []byte {
	b := m.short[:]
	if n := len(path) + wordSize; n > len(b) {
		if n > cap(m.buffer) {
			m.buffer = make([]byte, 0, 2*n)
		}
		b = m.buffer[:n]
	}
	copy(b, path)
	return b
}
