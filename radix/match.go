package radix

// spansInline is the number of wildcards that need no memory besides the Match's own. Patterns with more than four are
// hardly ever seen.
const spansInline = 8

// Match is what a caller keeps for its lookups: the result of the last one, and memory for the next. The zero value is
// ready. It is used by one goroutine at a time.
type Match struct {
	route *route
	path  []byte // what the spans are spans of: the path that was looked up, or decoded
	text  string // the same, if the path was a string and needed no decoding

	n     int // of spans
	spans [spansInline]span
	more  []span

	slashed    *route // found for path + "/", exactly
	stay       *route // found for the path itself, less specific, with
	stayN      int    // so many spans
	inexact    bool   // the route was found by a {name...} that is more than nothing
	disallowed bool   // other methods have routes for this path, or for path + "/"

	collecting bool // find nothing, but note all methods
	methods    []string

	buffer []byte // for what is decoded
}

type span struct{ start, end uint32 }

// Pattern returns the pattern of the route that was found, or that a redirect leads to, as it was registered.
// Otherwise it is empty.
func (m *Match) Pattern() string {
	if m.route == nil {
		return ""
	}
	return m.route.pattern
}

// Len returns the number of named wildcards of the pattern that was found.
func (m *Match) Len() int { return m.n }

// Name returns the name of wildcard i, in the order in which the pattern has them. It panics unless 0 <= i < Len().
func (m *Match) Name(i int) string { return m.route.names[:m.n][i] }

// Value returns what wildcard i stands for, decoded. It panics unless 0 <= i < Len(). The bytes are valid until the next
// use of m for a lookup, and no longer than those of the path that was looked up.
func (m *Match) Value(i int) []byte {
	s := m.span(i)
	if m.text != "" {
		m.path, m.text = append(m.buffer[:0], m.text...), ""
		m.buffer = m.path
	}
	return m.path[s.start:s.end:s.end]
}

// ValueString is Value as a string that is valid for ever. After [Tree.LookupString] it is part of the path and costs
// nothing, unless there was something to decode.
func (m *Match) ValueString(i int) string {
	s := m.span(i)
	if m.text != "" {
		return m.text[s.start:s.end]
	}
	return string(m.path[s.start:s.end])
}

// Param returns what the wildcard of a name stands for, and whether there is one. The bytes are valid as long as those
// of Value.
func (m *Match) Param(name string) ([]byte, bool) {
	for i := range m.n {
		if m.route.names[i] == name {
			return m.Value(i), true
		}
	}
	return nil, false
}

func (m *Match) span(i int) span {
	if uint(i) >= uint(m.n) {
		panic("radix: no such wildcard")
	}
	if i < spansInline {
		return m.spans[i]
	}
	return m.more[i-spansInline]
}

func (m *Match) setSpan(i, start, end int) {
	s := span{uint32(start), uint32(end)}
	if i < spansInline {
		m.spans[i] = s
	} else {
		m.more[i-spansInline] = s
	}
}

func (m *Match) push(start, end int) {
	if i := m.n - spansInline; i >= 0 {
		m.more = append(m.more[:i], span{})
	}
	m.setSpan(m.n, start, end)
	m.n++
}

// pop forgets the last span, and returns where it began.
func (m *Match) pop() int {
	start := m.span(m.n - 1).start
	m.n--
	return int(start)
}

// reset forgets the last lookup.
func (m *Match) reset() {
	m.route, m.slashed = nil, nil
	m.n = 0
	m.inexact, m.disallowed = false, false
}

// pick returns the route of a leaf, or notes that others have one.
func (m *Match) pick(l *leaf, method method) *route {
	if m.collecting {
		for _, r := range l.routes {
			m.methods = append(m.methods, r.route.method)
		}
		return nil
	}
	r := l.pick(method)
	if r == nil && len(l.routes) > 0 {
		m.disallowed = true
	}
	return r
}

// pickSlashed notes what there is at n, which path + "/" leads to, exactly.
func (m *Match) pickSlashed(n *node, method method) {
	for _, l := range [...]*leaf{&n.here, &n.below} {
		if r := m.pick(l, method); r != nil && m.slashed == nil {
			m.slashed = r
		}
	}
}

// outcome says what the fields amount to.
func (m *Match) outcome() Outcome {
	switch {
	case m.route != nil && (!m.inexact || m.slashed == nil):
		return Found
	case m.slashed != nil:
		m.stay, m.stayN = m.route, m.n
		m.route, m.n = m.slashed, 0
		return Redirect
	case m.disallowed:
		return MethodNotAllowed
	}
	return NotFound
}
