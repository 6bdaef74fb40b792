package wsproto

import "unicode/utf8"

// UTF8 validates text that comes in pieces, cut anywhere. It refuses at the first byte that no continuation could make
// good, which is how early RFC 6455, section 8.1 allows a connection to fail. The zero value stands before a text.
type UTF8 struct {
	missing uint8 // bytes that the character at the end of the last piece still needs
	lo, hi  uint8 // what the first of them may be: not all of 80..BF after E0, ED, F0 and F4
}

// Valid takes the next piece, and reports whether all pieces so far can be the beginning of a valid text. After false,
// the state means nothing.
func (u *UTF8) Valid(p []byte) bool {
	for u.missing > 0 {
		if len(p) == 0 {
			return true
		}
		if p[0] < u.lo || p[0] > u.hi {
			return false
		}
		u.missing, u.lo, u.hi = u.missing-1, 0x80, 0xbf
		p = p[1:]
	}
	whole := len(p) - unfinished(p)
	if !utf8.Valid(p[:whole]) {
		return false
	}
	for _, c := range p[whole:] {
		if u.missing == 0 {
			u.begin(c)
			continue
		}
		if c < u.lo || c > u.hi {
			return false
		}
		u.missing, u.lo, u.hi = u.missing-1, 0x80, 0xbf
	}
	return true
}

// Complete reports whether the text may end here: not inside a character.
func (u *UTF8) Complete() bool { return u.missing == 0 }

// unfinished returns the length of the character at the end of p that needs more bytes than p has, or 0. What follows a
// leading byte is not looked at.
func unfinished(p []byte) int {
	for k := 1; k <= min(3, len(p)); k++ {
		c := p[len(p)-k]
		if c < 0x80 {
			return 0
		}
		if c >= 0xc0 {
			var u UTF8
			if u.begin(c); int(u.missing) >= k {
				return k
			}
			return 0
		}
	}
	return 0
}

// begin takes a leading byte; one that leads nothing leaves no byte missing.
func (u *UTF8) begin(c byte) {
	u.lo, u.hi = 0x80, 0xbf
	switch {
	case 0xc2 <= c && c <= 0xdf:
		u.missing = 1
	case 0xe0 <= c && c <= 0xef:
		u.missing = 2
	case 0xf0 <= c && c <= 0xf4:
		u.missing = 3
	}
	switch c {
	case 0xe0: // else a shorter form would do
		u.lo = 0xa0
	case 0xed: // else a surrogate
		u.hi = 0x9f
	case 0xf0: // else a shorter form would do
		u.lo = 0x90
	case 0xf4: // else above U+10FFFF
		u.hi = 0x8f
	}
}
