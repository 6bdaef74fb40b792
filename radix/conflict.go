package radix

// How two patterns of one host relate is seen from the sets of requests that they match: segment by segment, then the
// path as a whole, then with the method. The relation of a whole is the sum of those of its parts.

// relation tells what the first of two patterns matches that the second does not, and the other way round.
type relation uint8

const (
	equal    relation = 0
	more     relation = 1 // the first matches all that the second does, and more
	less     relation = 2
	overlap  relation = more | less
	disjoint relation = 4
)

// and adds the relation of another part. The parts of a request vary independently: one that cannot match both is
// enough, and differences in both directions make an overlap.
func (a relation) and(b relation) relation {
	if (a|b)&disjoint != 0 {
		return disjoint
	}
	return a | b
}

// conflict returns an error if a request would match a, which is new, and b, and neither is more specific.
func conflict(a, b *route) *ConflictError {
	if a.host != b.host {
		return nil // the one with a host wins, and two hosts never meet
	}
	paths := comparePaths(a.segments, b.segments)
	methods := compareMethods(a.method, b.method)
	var reason string
	switch methods.and(paths) {
	case equal:
		reason = "they match the same requests"
	case overlap:
		switch {
		case paths == overlap:
			reason = "neither is more specific: each matches paths that the other does not"
		case methods == more:
			reason = "neither is more specific: the first matches more methods, the second more paths"
		default:
			reason = "neither is more specific: the first matches more paths, the second more methods"
		}
	default:
		return nil
	}
	path := commonPath(a.segments, b.segments)
	return &ConflictError{Pattern: a.pattern, Rival: b.pattern, Path: path, Reason: reason + "; both match " + path}
}

func compareMethods(a, b string) relation {
	switch {
	case a == b:
		return equal
	case a == "", a == "GET" && b == "HEAD":
		return more
	case b == "", b == "GET" && a == "HEAD":
		return less
	}
	return disjoint
}

func comparePaths(a, b []segment) relation {
	sum := equal
	for i := 0; ; i++ {
		switch {
		case i == len(a) && i == len(b):
			return sum
		case i == len(a):
			return disjoint // a multi would have returned before
		case i == len(b):
			return disjoint
		case a[i].kind == multi && b[i].kind == multi:
			return sum
		case a[i].kind == multi:
			return sum.and(more)
		case b[i].kind == multi:
			return sum.and(less)
		}
		if sum = sum.and(compareSegments(a[i], b[i])); sum == disjoint {
			return sum
		}
	}
}

// compareSegments compares segments of which none is a multi.
func compareSegments(a, b segment) relation {
	switch {
	case a.kind == single && b.kind == single:
		return equal
	case a.kind == single && b.text != slash:
		return more
	case b.kind == single && a.text != slash:
		return less
	case a == b:
		return equal
	}
	return disjoint
}

// commonPath returns a path that both match, if their relation is not disjoint.
func commonPath(a, b []segment) string {
	var path []byte
	for i := range max(len(a), len(b)) {
		s := segment{kind: multi}
		if i < len(a) {
			s = a[i]
		}
		if i < len(b) && b[i].kind < s.kind {
			s = b[i]
		}
		path = append(path, '/')
		if s.kind != multi && (s.text != slash || i < max(len(a), len(b))-1) {
			path = escape(path, s.text)
		}
	}
	return string(path)
}

// escape appends a segment as it stands in a request line.
func escape(dst []byte, segment string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(segment) {
		switch c := segment[i]; {
		case c <= ' ', c >= 0x7f, c == '%', c == '/', c == '?', c == '#':
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
