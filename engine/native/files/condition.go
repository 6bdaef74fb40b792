package files

import (
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/engine/native"
)

// dateLayout is the preferred form of an HTTP-date; dateLayouts are all of them (RFC 9110, section 5.6.7).
const dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

var dateLayouts = [...]string{dateLayout, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC}

func parseDate(s string) (time.Time, bool) {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// condition evaluates the request's conditions in the order of RFC 9110, section 13.2.2, and returns 412, 304 or 200.
func (e *entry) condition(r *native.Request, tag string) int {
	if list, ok := joined(r, "If-Match"); ok {
		if !matches(list, tag, strong) {
			return 412
		}
	} else if t, ok := date(r, "If-Unmodified-Since"); ok && e.modified != "" && e.since.After(t) {
		return 412
	}
	if list, ok := joined(r, "If-None-Match"); ok {
		if matches(list, tag, weak) {
			return 304
		}
	} else if t, ok := date(r, "If-Modified-Since"); ok && e.modified != "" && !e.since.After(t) {
		return 304
	}
	return 200
}

// rangeApplies evaluates If-Range (RFC 9110, section 13.1.5): only a strong validator says that the parts which the client
// has are of the same bytes.
func (e *entry) rangeApplies(r *native.Request, tag string) bool {
	value := string(r.Header("If-Range"))
	switch {
	case value == "":
		return true
	case strings.HasPrefix(value, `"`), strings.HasPrefix(value, "W/"):
		given, rest := scanTag(value)
		return given != "" && rest == "" && strong(given, tag)
	}
	t, ok := parseDate(value)
	return ok && e.modified != "" && !e.young && t.Equal(e.since)
}

// joined returns the value of a list, whose lines count as one (RFC 9110, section 5.3). An empty one counts as none, as in
// net/http.
func joined(r *native.Request, name string) (value string, ok bool) {
	for v := range r.HeaderValues(name) {
		if ok {
			value += ","
		}
		value, ok = value+string(v), true
	}
	return value, value != ""
}

// date returns the value of a field that is a date. One that is not is ignored (RFC 9110, section 13.1.3).
func date(r *native.Request, name string) (time.Time, bool) {
	v := r.Header(name)
	if len(v) == 0 {
		return time.Time{}, false
	}
	return parseDate(string(v))
}

// strong and weak compare entity tags (RFC 9110, section 8.8.3.2).
func strong(a, b string) bool { return a == b && strings.HasPrefix(a, `"`) }
func weak(a, b string) bool   { return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/") }

// matches reports whether a list of entity tags has one that is equal to tag, or is "*". What comes after something that
// is no entity tag is not looked at, as in net/http.
func matches(list, tag string, equal func(a, b string) bool) bool {
	for {
		list = strings.TrimLeft(list, ", \t")
		if list == "" {
			return false
		}
		if list[0] == '*' {
			return true
		}
		given, rest := scanTag(list)
		if given == "" {
			return false
		}
		if tag != "" && equal(given, tag) {
			return true
		}
		list = rest
	}
}

// scanTag takes an entity tag off the front of s (RFC 9110, section 8.8.3). If there is none, tag is empty.
func scanTag(s string) (tag, rest string) {
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if len(s) <= start || s[start] != '"' {
		return "", s
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], s[i+1:]
		case c <= ' ' || c == 0x7f:
			return "", s
		}
	}
	return "", s
}
