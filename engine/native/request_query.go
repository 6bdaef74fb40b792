package native

import (
	"bytes"
	"iter"
)

// query is the target's query, split at the first question about it.
type query struct {
	parsed bool
	pairs  []pair
	text   []byte // what had to be decoded; grown only between requests, so that views into it stay
}

type pair struct{ name, value []byte }

func (q *query) end() {
	clear(q.pairs)
	q.pairs, q.parsed = q.pairs[:0], false
	if cap(q.pairs) > pairsKeep {
		q.pairs = nil
	}
	if cap(q.text) > scratchKeep {
		q.text = nil
	}
}

// RawQuery returns the target's query as it was sent, without the question mark; nil if there was none.
func (r *Request) RawQuery() []byte {
	if !r.head.HasQuery {
		return nil
	}
	return r.head.Query.In(r.bytes)
}

// Query returns the first value of a query parameter, decoded ("+" is a space); nil if there is none. Parameters that
// net/url would refuse (a bad escape, a semicolon) are left out, as Request.FormValue does it there.
func (r *Request) Query(name string) []byte {
	for n, v := range r.QueryAll() {
		if string(n) == name {
			return v
		}
	}
	return nil
}

// QueryAll yields all query parameters, names and values decoded, in the order in which they were sent.
func (r *Request) QueryAll() iter.Seq2[[]byte, []byte] {
	if !r.query.parsed {
		r.query.parse(r.RawQuery())
	}
	return func(yield func(name, value []byte) bool) {
		for _, p := range r.query.pairs {
			if !yield(p.name, p.value) {
				return
			}
		}
	}
}

func (q *query) parse(raw []byte) {
	q.parsed = true
	if cap(q.text) < len(raw) {
		q.text = make([]byte, 0, len(raw))
	}
	q.text = q.text[:0]
	for len(raw) > 0 {
		var part []byte
		part, raw, _ = bytes.Cut(raw, ampersand)
		if len(part) == 0 || bytes.IndexByte(part, ';') >= 0 {
			continue
		}
		name, value, found := bytes.Cut(part, equals)
		if !found {
			value = part[len(part):] // there, and empty
		}
		name, ok := q.decode(name)
		if !ok {
			continue
		}
		if value, ok = q.decode(value); ok {
			q.pairs = append(q.pairs, pair{name, value})
		}
	}
}

var ampersand, equals = []byte("&"), []byte("=")

// decode undoes the form encoding. What has none is returned as it is.
func (q *query) decode(s []byte) ([]byte, bool) {
	if bytes.IndexByte(s, '%') < 0 && bytes.IndexByte(s, '+') < 0 {
		return s, true
	}
	from := len(q.text)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
				return nil, false
			}
			c = byte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		}
		q.text = append(q.text, c)
	}
	return q.text[from:len(q.text):len(q.text)], true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
