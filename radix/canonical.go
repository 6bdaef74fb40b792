package radix

import "bytes"

// Percent-encoding spells one segment in many ways. Inside the tree each has one spelling: the decoded bytes, with
// "%25" for a percent sign and "%2F" for a slash. A path without percent signs is spelt like that already.

// text is a path, or part of one, of either type.
type text interface{ ~string | ~[]byte }

// canonical appends the one spelling of path. If its last segment is a slash, that segment ends up empty, and tail is
// set: it is the same as the end of a path after a slash.
func canonical[S text](dst []byte, path S) (_ []byte, tail bool) {
	for i := 0; i < len(path); {
		end := i + 1
		for end < len(path) && path[end] != '/' {
			end++
		}
		dst = append(dst, '/')
		start := len(dst)
		dst = spell(dst, path[i+1:end])
		if end == len(path) && string(dst[start:]) == "%2F" {
			return dst[:start], true
		}
		i = end
	}
	return dst, false
}

// spell appends the one spelling of a segment. What is not percent-encoding is taken literally, the whole segment.
func spell[S text](dst []byte, segment S) []byte {
	start := len(dst)
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if c == '%' {
			var ok bool
			if c, ok = octet(segment, i); !ok {
				return spellLiteral(dst[:start], segment)
			}
			i += 2
		}
		dst = spellByte(dst, c)
	}
	return dst
}

func spellLiteral[S text](dst []byte, segment S) []byte {
	for i := range len(segment) {
		dst = spellByte(dst, segment[i])
	}
	return dst
}

func spellByte(dst []byte, c byte) []byte {
	switch c {
	case '%':
		return append(dst, "%25"...)
	case '/':
		return append(dst, "%2F"...)
	}
	return append(dst, c)
}

// unescape appends s with its percent-encoding decoded. If one of the triplets is none, it reports false.
func unescape[S text](dst []byte, s S) (_ []byte, ok bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if c, ok = octet(s, i); !ok {
				return dst, false
			}
			i += 2
		}
		dst = append(dst, c)
	}
	return dst, true
}

// octet decodes the triplet at i.
func octet[S text](s S, i int) (c byte, ok bool) {
	if i+2 >= len(s) {
		return 0, false
	}
	high, low := hexValue(s[i+1]), hexValue(s[i+2])
	return high<<4 | low, high < 16 && low < 16
}

// hexValue returns the value of a hexadecimal digit, or 255.
func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// after returns what follows the n-th slash.
func after[S text](path S, n int) S {
	i := 0
	for ; n > 0; i++ {
		if path[i] == '/' {
			n--
		}
	}
	return path[i:]
}

func slashes(path []byte) int { return bytes.Count(path, []byte("/")) }
