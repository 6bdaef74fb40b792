package compress

import "bytes"

// choose returns the coding that the client likes best (RFC 9110, section 12.5.3), or nil for none. Without the field
// nothing is coded: it would be allowed, but who does not ask may not be able to read it.
func choose(codings []*coding, accept []byte) *coding {
	var room [4]int
	weights := room[:len(codings)]
	const unsaid = -1
	for i := range weights {
		weights[i] = unsaid
	}
	identity, others := unsaid, unsaid
	for len(accept) > 0 {
		var element []byte
		element, accept, _ = bytes.Cut(accept, comma)
		name, parameter, _ := bytes.Cut(element, semicolon)
		name = bytes.TrimSpace(name)
		q, ok := weight(bytes.TrimSpace(parameter))
		if len(name) == 0 || !ok {
			continue
		}
		switch {
		case equalFold(name, "*"):
			others = max(others, q)
		case equalFold(name, "identity"):
			identity = max(identity, q)
		default:
			for i, c := range codings {
				if equalFold(name, c.name) || c.name == "gzip" && equalFold(name, "x-gzip") {
					weights[i] = max(weights[i], q)
				}
			}
		}
	}
	var best *coding
	most := max(identity, 1) - 1 // a coding as good as none is used: it saves bytes
	for i, c := range codings {
		q := weights[i]
		if q == unsaid {
			q = others
		}
		if q > most {
			best, most = c, q
		}
	}
	return best
}

var comma, semicolon = []byte(","), []byte(";")

// weight reads "q=0.5" as 500; without it the weight is 1000. What is no weight makes its element count for nothing.
func weight(parameter []byte) (q int, ok bool) {
	if len(parameter) == 0 {
		return 1000, true
	}
	if len(parameter) < 3 || parameter[0]|0x20 != 'q' || parameter[1] != '=' {
		return 0, false
	}
	v := parameter[2:]
	if v[0] != '0' && v[0] != '1' || len(v) > 1 && v[1] != '.' || len(v) > 5 {
		return 0, false
	}
	q = int(v[0]-'0') * 1000
	for i, unit := 2, 100; i < len(v); i, unit = i+1, unit/10 {
		if v[i] < '0' || v[i] > '9' {
			return 0, false
		}
		q += int(v[i]-'0') * unit
	}
	return q, q <= 1000
}

// hasToken reports whether token, in lower case, is an element of the list v.
func hasToken(v []byte, token string) bool {
	for len(v) > 0 {
		var element []byte
		element, v, _ = bytes.Cut(v, comma)
		if equalFold(bytes.TrimSpace(element), token) {
			return true
		}
	}
	return false
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
