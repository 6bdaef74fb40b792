package compress

// Weights are in thousandths, from 0, which is a refusal, to 1000.
const (
	unsaid    = -1
	malformed = -2
)

// asked is what a request's Accept-Encoding says of the codings that there are (RFC 9110, section 12.5.3).
type asked struct {
	gzip, zstd, identity, others int // weights
}

// newAsked returns what a request without the field says. Then nothing is coded: it would be allowed, but who does not ask
// may not be able to read it.
func newAsked() asked { return asked{unsaid, unsaid, unsaid, unsaid} }

// read reads one line of the field. An element that the grammar does not have is overlooked; of one that is repeated the
// lowest weight counts. It goes through the line once, which the bound of the request's head bounds.
func (a *asked) read(line []byte) {
	for len(line) > 0 {
		element := line
		line = nil
		name := -1 // where it ends
		for i, c := range element {
			if c == ',' {
				element, line = element[:i], element[i+1:]
				break
			}
			if c == ';' && name < 0 {
				name = i
			}
		}
		q := 1000
		if name < 0 {
			name = len(element)
		} else if q = weight(trim(element[name+1:])); q == malformed {
			continue
		}
		var known *int
		switch coding := trim(element[:name]); {
		case equalFold(coding, "gzip"), equalFold(coding, "x-gzip"): // section 8.4.1.3
			known = &a.gzip
		case equalFold(coding, "zstd"):
			known = &a.zstd
		case equalFold(coding, "identity"):
			known = &a.identity
		case equalFold(coding, "*"):
			known = &a.others
		default:
			continue
		}
		if *known == unsaid || q < *known {
			*known = q
		}
	}
}

// best returns the coding with the highest weight, the first of equals. The body as it is may be sent unless it is refused,
// so it is the best (nil) only if its own weight is higher than all, or if everything is refused: the alternative, 406,
// helps nobody (section 12.4.1 allows to disregard the field).
func (a *asked) best(codings []*coding) *coding {
	var best *coding
	most := a.said(a.identity) - 1 // one as good as identity is used: it saves bytes
	most = max(most, 0)            // and one with the weight 0 never
	for _, c := range codings {
		q := a.zstd
		if c.name == "gzip" {
			q = a.gzip
		}
		if q = a.said(q); q > most {
			best, most = c, q
		}
	}
	return best
}

// said returns a weight, or that of all that were not named.
func (a *asked) said(q int) int {
	if q == unsaid {
		q = max(a.others, 0)
	}
	return q
}

// weight reads "q=" and a weight from 0 to 1 with at most three decimals (section 12.4.2).
func weight(s []byte) int {
	if len(s) < 3 || len(s) > 7 || s[0]|0x20 != 'q' || s[1] != '=' || s[2] != '0' && s[2] != '1' || len(s) > 3 && s[3] != '.' {
		return malformed
	}
	q := int(s[2]-'0') * 1000
	for i, unit := 4, 100; i < len(s); i, unit = i+1, unit/10 {
		if s[i] < '0' || s[i] > '9' {
			return malformed
		}
		q += int(s[i]-'0') * unit
	}
	if q > 1000 {
		return malformed
	}
	return q
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

// equalFold compares a with b, which is in lower case, without regard to the case of ASCII letters.
func equalFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != b[i] {
			return false
		}
	}
	return true
}
