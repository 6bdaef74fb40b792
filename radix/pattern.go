package radix

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The grammar:
//
//	pattern = [method 1*(SP / HTAB)] [host] path
//	path    = 1*("/" segment) ; the last one may be empty, which stands for a {name...} without a name
//	segment = literal / "{" name "}" / "{" name "...}" / "{$}" ; the last two only at the end
//
// Literals are unescaped. "{$}" becomes the literal "/", which is also what "%2F" becomes: a segment that is a
// slash and the end of a path after a slash are one and the same, as they are in net/http.

// kind tells what a segment matches. The order is that of precedence.
type kind uint8

const (
	literal kind = iota
	single       // any segment but "/"
	multi        // the rest of the path, including its slashes
)

// segment is what stands between two slashes of a pattern.
type segment struct {
	kind kind
	text string // a literal, unescaped, or a wildcard's name
}

// slash is the literal for the end of a path after a slash.
const slash = "/"

// route is a pattern that was read.
type route struct {
	pattern  string
	method   string // "" is any
	host     string // "" is any
	segments []segment
	names    []string // of wildcards that have one, in order
	value    int      // index into the tree's values
}

func (r *route) last() segment { return r.segments[len(r.segments)-1] }

// parse reads a pattern.
func parse(pattern string) (*route, error) {
	r := &route{pattern: pattern}
	fail := func(rest, reason string) (*route, error) {
		return nil, &PatternError{Pattern: pattern, Offset: len(pattern) - len(rest), Reason: reason}
	}
	if pattern == "" {
		return fail("", "empty pattern")
	}
	rest := pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		r.method, rest = pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	if r.method != "" && !isToken(r.method) {
		return fail(pattern, "invalid method "+strconv.Quote(r.method))
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return fail(rest, "no path, which begins with a slash")
	}
	r.host = rest[:i]
	if j := strings.IndexByte(r.host, '{'); j >= 0 {
		return fail(rest[j:], "wildcard in the host, or no slash before it")
	}
	rest = rest[i:]
	if r.method != "" && r.method != "CONNECT" && !IsClean(rest) {
		return fail(rest, "never matches, because paths are cleaned before, except for CONNECT")
	}
	for rest != "" {
		at := rest[1:]
		end := strings.IndexByte(at, '/')
		if end < 0 {
			end = len(at)
		}
		rest = at[end:]
		s, reason := parseSegment(at[:end], rest == "")
		if reason == "" && s.kind != literal && s.text != "" {
			if slices.Contains(r.names, s.text) {
				reason = "second wildcard named " + strconv.Quote(s.text)
			}
			r.names = append(r.names, s.text)
		}
		if reason != "" {
			return fail(at, reason)
		}
		r.segments = append(r.segments, s)
	}
	return r, nil
}

// parseSegment reads what stands between two slashes, or after the last one, or says why it cannot be read.
func parseSegment(text string, last bool) (s segment, reason string) {
	switch open := strings.IndexByte(text, '{'); {
	case text == "" && last:
		return segment{kind: multi}, ""
	case open < 0:
		if plain, ok := unescape(nil, text); ok {
			text = string(plain)
		}
		return segment{literal, text}, ""
	case open > 0 || text[len(text)-1] != '}':
		return s, "a wildcard is a whole segment"
	}
	name := text[1 : len(text)-1]
	s.kind = single
	if name == "$" {
		s, name = segment{literal, slash}, ""
	} else if before, ok := strings.CutSuffix(name, "..."); ok {
		s.kind, name = multi, before
	}
	if s.kind != single && !last {
		return s, "only the last segment can be " + text
	}
	if s.kind != literal {
		if !isName(name) {
			return s, "invalid name of a wildcard: " + strconv.Quote(name)
		}
		s.text = name
	}
	return s, ""
}

// isName reports whether s is a Go identifier.
func isName(s string) bool {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return s != ""
}

// isToken reports whether s is a method (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
