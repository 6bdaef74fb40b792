package constcache

// Weights are in thousandths, from 0, which is a refusal, to 1000.
const (
	unlisted  = -1
	malformed = -2
)

// selected returns the variant that a request with this Accept-Encoding gets (RFC 9110, section 12.5.3): the one with the
// highest weight, of equals the shortest. The body as it is may always be sent unless it is refused, so it is selected
// over a coding only if its own weight is higher. If everything is refused it is selected too: the alternative, 406, helps
// nobody (section 12.4.1 allows to disregard the field).
//
// An element that the grammar does not have is overlooked; of an element that is repeated the lowest weight counts.
func (a *Answer) selected(accept []byte) *variant {
	if len(accept) == 0 || len(a.variants) == 1 {
		return &a.variants[0]
	}
	var weights [1 + EncodersMax]int
	for i := range a.variants {
		weights[i] = unlisted
	}
	star := unlisted
	for len(accept) > 0 {
		var element []byte
		element, accept = cut(accept, ',')
		name, weight := cut(element, ';')
		q := 1000
		if len(name) < len(element) {
			q = parseWeight(trim(weight))
		}
		name = trim(name)
		if q == malformed {
			continue
		}
		if len(name) == 1 && name[0] == '*' {
			star = lowest(star, q)
			continue
		}
		for i := range a.variants {
			if a.variants[i].isNamed(name) {
				weights[i] = lowest(weights[i], q)
			}
		}
	}
	for i := range a.variants {
		if weights[i] == unlisted {
			weights[i] = max(star, 0)
		}
	}
	best := 0
	for i := 1; i < len(a.variants); i++ {
		if w := weights[i]; w > 0 && (w > weights[best] || best == 0 && w == weights[0]) {
			best = i
		}
	}
	return &a.variants[best]
}

func lowest(known, q int) int {
	if known == unlisted {
		return q
	}
	return min(known, q)
}

// isNamed reports whether name, in any case, is the variant's coding. x-gzip is an old name of gzip (RFC 9110,
// section 8.4.1.3).
func (v *variant) isNamed(name []byte) bool {
	if v.coding == "" {
		return equalFold(name, "identity")
	}
	return equalFold(name, v.coding) || v.coding == "gzip" && equalFold(name, "x-gzip")
}

// parseWeight reads "q=" and a weight from 0 to 1 with at most three decimals (RFC 9110, section 12.4.2).
func parseWeight(s []byte) int {
	if len(s) < 3 || len(s) > 7 || s[0]|0x20 != 'q' || s[1] != '=' || len(s) > 3 && s[3] != '.' {
		return malformed
	}
	if s[2] != '0' && s[2] != '1' {
		return malformed
	}
	q := int(s[2]-'0') * 1000
	scale := 100
	for _, c := range s[min(4, len(s)):] {
		if c < '0' || c > '9' {
			return malformed
		}
		q += int(c-'0') * scale
		scale /= 10
	}
	if q > 1000 {
		return malformed
	}
	return q
}

// cut returns what stands before and behind the first sep. Without sep, all of it stands before.
func cut(s []byte, sep byte) (before, after []byte) {
	for i, c := range s {
		if c == sep {
			return s[:i], s[i+1:]
		}
	}
	return s, nil
}

// trim takes spaces and tabs off both ends.
func trim(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// equalFold compares name with one in lower case.
func equalFold(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
