package httpparse

// LastChunk ends a chunked body that has no trailer section. With one, send its first line ("0" CRLF), the fields, and an
// empty line.
const LastChunk = "0\r\n\r\n"

// AppendChunkHeader appends the size line of a chunk of n bytes, n > 0. The data and a CRLF must follow.
func AppendChunkHeader(dst []byte, n int) []byte {
	shift := 0
	for uint64(n)>>shift > 15 {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[uint64(n)>>shift&15])
	}
	return append(dst, '\r', '\n')
}

// AppendChunk appends data as one chunk. Empty data appends nothing: a chunk of size 0 would end the body.
func AppendChunk(dst, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = AppendChunkHeader(dst, len(data))
	dst = append(dst, data...)
	return append(dst, '\r', '\n')
}

// ValidName reports whether s may be sent as a field name, or as any other token (RFC 9110, section 5.6.2).
func ValidName[T ~string | ~[]byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&token == 0 {
			return false
		}
	}
	return len(s) > 0
}

// ValidValue reports whether s may be sent as a field value (RFC 9110, section 5.5): no control character but HT. Space
// at the ends is allowed here; a reader strips it.
func ValidValue[T ~string | ~[]byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&text == 0 {
			return false
		}
	}
	return true
}
