package files

import (
	"math"
	"strconv"
	"strings"
)

// span is a part of a representation: length bytes from start on, at least one.
type span struct{ start, length int64 }

// contentRange is the value of the field for s (RFC 9110, section 14.4).
func (s span) contentRange(size int64) string {
	return "bytes " + strconv.FormatInt(s.start, 10) + "-" + strconv.FormatInt(s.start+s.length-1, 10) + "/" + strconv.FormatInt(size, 10)
}

// verdict is what a Range field comes to.
type verdict int

const (
	whole         verdict = iota // it is to be ignored
	partial                      // there are spans
	unsatisfiable                // 416
)

// parseRanges reads the value of a Range field (RFC 9110, section 14.1.2) for a representation of that size. Ranges behind
// the end are left out. A set whose ranges are together larger than the representation is ignored: it is an attack, or a
// client that would do better with the whole.
func parseRanges(value string, size int64) ([]span, verdict) {
	unit, set, ok := strings.Cut(value, "=")
	if !ok {
		return nil, unsatisfiable
	}
	if !strings.EqualFold(unit, "bytes") || size == 0 {
		return nil, whole
	}
	var spans []span
	var sum int64
	specs := 0
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue
		}
		if specs++; specs > rangesMax {
			return nil, whole
		}
		first, last, ok := strings.Cut(spec, "-")
		if !ok {
			return nil, unsatisfiable
		}
		first, last = strings.Trim(first, " \t"), strings.Trim(last, " \t")
		s, ok := parseSpan(first, last, size)
		if !ok {
			return nil, unsatisfiable
		}
		if s.length == 0 {
			continue
		}
		spans = append(spans, s)
		sum += s.length // cannot overflow: rangesMax spans, and no file has 2^58 bytes
	}
	switch {
	case specs == 0:
		return nil, whole
	case len(spans) == 0:
		return nil, unsatisfiable
	case sum > size:
		return nil, whole
	}
	return spans, partial
}

// parseSpan reads one range. ok is false if it is malformed; the length is 0 if it has nothing of the representation.
func parseSpan(first, last string, size int64) (s span, ok bool) {
	if first == "" {
		n, ok := parsePosition(last)
		n = min(n, size)
		return span{size - n, n}, ok
	}
	from, ok := parsePosition(first)
	if !ok {
		return s, false
	}
	if from >= size {
		return s, true // net/http does not look at the end of such a range either
	}
	to := int64(math.MaxInt64)
	if last != "" {
		if to, ok = parsePosition(last); !ok || to < from {
			return s, false
		}
	}
	return span{from, min(to, size-1) - from + 1}, true
}

// parsePosition reads digits. A number too large for 64 bits is larger than any file.
func parsePosition(s string) (n int64, ok bool) {
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, s != ""
}
