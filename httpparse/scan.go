package httpparse

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Classes of bytes.
const (
	token    uint8 = 1 << iota // RFC 9110, section 5.6.2
	text                       // field values: VCHAR, obs-text, SP and HT (RFC 9110, section 5.5)
	plain                      // bytes of a request-target that need no second look
	hostByte                   // uri-host with port: unreserved, sub-delims, %, and : [ ]
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch b := byte(c); {
		case '0' <= b && b <= '9', 'a' <= lower(b) && lower(b) <= 'z':
			t[c] = token | text | plain | hostByte
		case b > ' ' && b != 0x7f:
			t[c] = text | plain
		case b == ' ' || b == '\t':
			t[c] = text
		}
	}
	for _, b := range []byte("!#$%&'*+-.^_`|~") {
		t[b] |= token
	}
	for _, b := range []byte("?#%") {
		t[b] &^= plain
	}
	for _, b := range []byte("-._~!$&'()*+,;=%:[]") {
		t[b] |= hostByte
	}
	return t
}()

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// textEnd returns the offset of the first byte of b from i on that is a control character (HT is one of them here, for
// the careful path to see), or len(b). Eight bytes at a time: a byte below 0x20 borrows from its high bit, a DEL becomes
// zero and does the same. A borrow can only mislead above the first hit, and the first hit is what is asked for.
func textEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		del := w ^ 0x7f*ones
		if hit := ((w-0x20*ones)&^w | (del-ones)&^del) & high; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for i < len(b) && b[i] >= 0x20 && b[i] != 0x7f {
		i++
	}
	return i
}

// colonFrom returns the offset of the first colon of b from i on, or len(b).
func colonFrom(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:]) ^ ':'*ones
		if hit := (w - ones) &^ w & high; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for i < len(b) && b[i] != ':' {
		i++
	}
	return i
}

func isToken(s []byte) bool {
	for _, c := range s {
		if class[c]&token == 0 {
			return false
		}
	}
	return len(s) > 0
}

// cursor remembers how far the lines of a buffer have been read, so that more bytes cost only themselves.
type cursor struct {
	next int // where the first unread line starts
	scan int // there is no LF before this; 0: not searched
}

// resume reports whether the line that was incomplete may now be complete.
func (c *cursor) resume(b []byte) bool {
	if c.scan == 0 {
		return true
	}
	if c.scan > len(b) || bytes.IndexByte(b[c.scan:], '\n') < 0 {
		return false
	}
	c.scan = 0
	return true
}

// more notes that all of b has been looked at.
func (c *cursor) more(b []byte, sizeMax int, tooLarge *Error) error {
	if len(b) >= sizeMax {
		return tooLarge
	}
	c.scan = max(c.scan, len(b))
	return ErrNeedMore
}

// line returns the end of the line that starts at i, its CRLF excluded. Which rule a bad line breaks is decided only when
// the whole line is there: so the verdict is the same however the bytes were cut.
func (c *cursor) line(b []byte, i, sizeMax int, tooLarge *Error) (end int, err error) {
	lf := bytes.IndexByte(b[i:], '\n')
	if lf < 0 {
		c.next = i
		return 0, c.more(b, sizeMax, tooLarge)
	}
	lf += i
	switch {
	case lf >= sizeMax:
		return 0, tooLarge
	case lf == i || b[lf-1] != '\r':
		return 0, ErrBareLF
	case bytes.IndexByte(b[i:lf-1], '\r') >= 0:
		return 0, ErrBareCR
	}
	return lf - 1, nil
}
