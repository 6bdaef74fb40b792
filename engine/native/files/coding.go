package files

import (
	"strings"
)

// siblings are the codings that a file may lie beside in, by extension (RFC 9110, section 8.4.1; RFC 7932; RFC 8878).
var siblings = [...]struct{ extension, coding string }{{".zst", "zstd"}, {".br", "br"}, {".gz", "gzip"}}

// worth reports whether a sibling is enough smaller than its file to make the client decode it: by the rule of package
// constcache, which would leave the others out of a ready answer.
func worth(sibling, file int64) bool { return sibling > 0 && sibling <= file-max(64, file/16) }

// selected returns the representation for a request with this Accept-Encoding (RFC 9110, section 12.5.3), by the rules of
// package constcache, so that ready bytes and their parts are of the same one: the highest weight, of equals the
// shortest, and the file itself if it has a higher weight, or if everything is refused.
func (e *entry) selected(accept string) *representation {
	if accept == "" || len(e.reps) == 1 {
		return &e.reps[0]
	}
	const unlisted = -1
	var weights [1 + len(siblings)]int
	for i := range weights {
		weights[i] = unlisted
	}
	star := unlisted
	note := func(known *int, q int) {
		if *known == unlisted || q < *known {
			*known = q
		}
	}
	for element := range strings.SplitSeq(accept, ",") {
		name, weight, weighted := strings.Cut(element, ";")
		name = strings.Trim(name, " \t")
		q := 1000
		if weighted {
			var ok bool
			if q, ok = parseWeight(strings.Trim(weight, " \t")); !ok {
				continue
			}
		}
		if name == "*" {
			note(&star, q)
			continue
		}
		for i := range e.reps {
			coding := e.reps[i].coding
			if coding == "" {
				coding = "identity"
			}
			if strings.EqualFold(name, coding) || coding == "gzip" && strings.EqualFold(name, "x-gzip") {
				note(&weights[i], q)
			}
		}
	}
	for i := range e.reps {
		if weights[i] == unlisted {
			weights[i] = max(star, 0)
		}
	}
	best := 0
	for i := 1; i < len(e.reps); i++ {
		if w := weights[i]; w > 0 && (w > weights[best] || best == 0 && w == weights[0]) {
			best = i
		}
	}
	return &e.reps[best]
}

// parseWeight reads "q=" and a weight of at most three decimals, in thousandths (RFC 9110, section 12.4.2).
func parseWeight(s string) (q int, ok bool) {
	if len(s) < 3 || len(s) > 7 || s[0]|0x20 != 'q' || s[1] != '=' || s[2] != '0' && s[2] != '1' || len(s) > 3 && s[3] != '.' {
		return 0, false
	}
	q = int(s[2]-'0') * 1000
	scale := 100
	for i := 4; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		q += int(s[i]-'0') * scale
		scale /= 10
	}
	return q, q <= 1000
}
