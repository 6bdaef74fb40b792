package wsproto

// windowBytesMax is the largest window of deflate (RFC 1951, section 2).
const windowBytesMax = 1 << 15

// history is the end of what went through a compressed stream, as far back as later messages may refer to. Without context
// takeover its size is 0, and it stays empty.
type history struct {
	bytes []byte
	size  int
}

func (h *history) add(p []byte) {
	if h.size == 0 {
		return
	}
	if len(p) >= h.size {
		h.bytes = append(h.bytes[:0], p[len(p)-h.size:]...)
		return
	}
	if over := len(h.bytes) + len(p) - h.size; over > 0 {
		h.bytes = h.bytes[:copy(h.bytes, h.bytes[over:])]
	}
	h.bytes = append(h.bytes, p...)
}
