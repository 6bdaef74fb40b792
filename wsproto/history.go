package wsproto

// windowBytesMax is the largest window of deflate (RFC 1951, section 2).
const windowBytesMax = 1 << 15

// history is the end of what went through a compressed stream, as far back as later messages may refer to. It grows as
// messages come, and has the connection's life. Without context takeover its size is 0, and it stays empty.
//
//	0 ≤ len(bytes) ≤ cap(bytes) ≤ size
type history struct {
	bytes []byte
	size  int
}

func (h *history) add(p []byte) {
	if h.size == 0 {
		return
	}
	p = p[max(0, len(p)-h.size):]
	if over := len(h.bytes) + len(p) - h.size; over > 0 {
		h.bytes = h.bytes[:copy(h.bytes, h.bytes[over:])]
	}
	if need := len(h.bytes) + len(p); need > cap(h.bytes) {
		h.bytes = append(make([]byte, 0, min(max(2*cap(h.bytes), need), h.size)), h.bytes...)
	}
	h.bytes = append(h.bytes, p...)
}
