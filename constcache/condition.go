package constcache

import (
	"strings"
	"time"
)

// isUnmodified evaluates the request's condition (RFC 9110, section 13.2.2): If-None-Match if there is one, otherwise
// If-Modified-Since. Conditions count only where the answer is a success (section 13.2.1).
func (a *Answer) isUnmodified(v *variant, ask *Ask) bool {
	switch {
	case !a.successful():
		return false
	case len(ask.IfNoneMatch) > 0:
		return v.tag != "" && listsTag(ask.IfNoneMatch, strings.TrimPrefix(v.tag, "W/"))
	case len(ask.IfModifiedSince) > 0 && a.modified != "":
		if string(ask.IfModifiedSince) == a.modified {
			return true // what we said is what comes back
		}
		t, ok := parseDate(trim(ask.IfModifiedSince))
		return ok && !a.since.After(t)
	}
	return false
}

// listsTag reports whether a list of entity tags has one that matches by weak comparison (RFC 9110, sections 8.8.3.2 and
// 13.1.2), or is "*". What comes after something that is no entity tag is not looked at, as in net/http.
func listsTag(list []byte, opaque string) bool {
	for {
		list = trim(list)
		switch {
		case len(list) == 0:
			return false
		case list[0] == ',':
			list = list[1:]
			continue
		case list[0] == '*':
			return true
		}
		tag, rest := scanTag(list)
		switch {
		case len(tag) == 0:
			return false
		case tag[0] == 'W':
			tag = tag[2:]
		}
		if string(tag) == opaque {
			return true
		}
		list = rest
	}
}

// scanTag takes an entity tag off the front of s (RFC 9110, section 8.8.3). If there is none, tag is empty.
func scanTag[T string | []byte](s T) (tag, rest T) {
	start := 0
	if len(s) > 1 && s[0] == 'W' && s[1] == '/' {
		start = 2
	}
	if len(s) <= start || s[start] != '"' {
		return s[:0], s
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], s[i+1:]
		case c <= ' ' || c == 0x7f:
			return s[:0], s
		}
	}
	return s[:0], s
}

// dateLayouts are the forms of an HTTP-date, the preferred one first (RFC 9110, section 5.6.7).
var dateLayouts = [...]string{dateLayout, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC}

// dateSizeMax is the size of the longest HTTP-date, in bytes: a Wednesday in the second form.
const dateSizeMax = len("Wednesday, 02-Jan-06 15:04:05 GMT")

func parseDate(s []byte) (time.Time, bool) {
	if len(s) > dateSizeMax {
		return time.Time{}, false
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, string(s)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
