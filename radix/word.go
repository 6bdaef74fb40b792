package radix

// The runs of a tree are short, and calling a function to compare each would cost more than comparing. They are
// compared eight bytes at a time, in a word. Near the end of a path, where eight bytes cannot be read any more, the
// word is made of the last eight bytes, without those that come before.

const wordSize = 8

// load returns eight bytes, the first one lowest. It is one instruction.
func load[S text](b S) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// lastWord returns the last eight bytes of a path, the last one highest. A shorter path has zeros before.
func lastWord[S text](path S) (w uint64) {
	if n := len(path); n >= wordSize {
		return load(path[n-wordSize:])
	}
	for i := range len(path) {
		w = w>>8 | uint64(path[i])<<56
	}
	return w
}

// segmentEnd returns the position of the first slash from i on, or the length of the path.
func segmentEnd[S text](path S, i int) int {
	for i < len(path) && path[i] != '/' {
		i++
	}
	return i
}
