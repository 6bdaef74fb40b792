package radix

import (
	"slices"
	"strings"
)

// table is a Tree without its values, whose type makes no difference to it.
type table struct {
	routes []*route
	any    *node    // of patterns without a host; nil if there is none
	hosts  []host   // sorted by name
	long   []string // methods that do not fit a word
}

type host struct {
	name string
	root *node
}

// add adds a route that conflicts with none.
func (t *table) add(r *route) {
	t.routes = append(t.routes, r)
	if len(r.method) > packed && !slices.Contains(t.long, r.method) {
		t.long = append(t.long, r.method)
	}
	root := &t.any
	if r.host != "" {
		i, ok := slices.BinarySearchFunc(t.hosts, r.host, func(h host, name string) int { return strings.Compare(h.name, name) })
		if !ok {
			t.hosts = slices.Insert(t.hosts, i, host{name: r.host})
		}
		root = &t.hosts[i].root
	}
	if *root == nil {
		*root = newNode("/")
	}
	(*root).insert(methodOf(t, r.method), r)
}

func (t *table) clone() table {
	c := table{routes: slices.Clone(t.routes), any: t.any.clone(nil), hosts: slices.Clone(t.hosts), long: slices.Clone(t.long)}
	for i := range c.hosts {
		c.hosts[i].root = c.hosts[i].root.clone(nil)
	}
	return c
}

// methodOf returns the word for a method.
func methodOf[S text](t *table, s S) method {
	if len(s) <= packed {
		return pack(s)
	}
	for i, long := range t.long {
		if string(s) == long {
			return methodLong + method(i)
		}
	}
	return methodNone
}

// rootOf returns the tree of a host, or nil.
func rootOf[S text](t *table, name S) *node {
	low, high := 0, len(t.hosts)
	for low < high {
		middle := int(uint(low+high) / 2)
		switch h := &t.hosts[middle]; {
		case string(name) == h.name:
			return h.root
		case string(name) < h.name:
			high = middle
		default:
			low = middle + 1
		}
	}
	return nil
}

// lookup has the fields of m say what there is for a request. m.path or m.text has been set, and is replaced if
// the path is encoded.
func lookup[S text](t *table, m *Match, method, host, path S, encoded bool) {
	m.reset()
	if len(path) == 0 || path[0] != '/' {
		return
	}
	if !encoded && len(t.hosts) == 0 && t.any != nil { // nearly always
		m.route = walk(m, t.any, methodOf(t, method), path)
		return
	}
	l := locator{m: m, method: methodOf(t, method), any: t.any}
	if len(t.hosts) > 0 {
		l.host = rootOf(t, host)
	}
	if encoded {
		lookupEncoded(&l, path)
	} else {
		m.route = find(&l, path)
	}
}

// locator is a lookup but for its path.
type locator struct {
	m         *Match
	method    method
	host, any *node
}

// find walks the tree of the host, and if that has nothing, the one for all hosts.
func find[S text](l *locator, path S) (r *route) {
	if l.host != nil {
		r = walk(l.m, l.host, l.method, path)
	}
	if r == nil && l.any != nil {
		r = walk(l.m, l.any, l.method, path)
	}
	return r
}

// lookupEncoded is lookup for a path with percent-encoding.
func lookupEncoded[S text](l *locator, path S) {
	m := l.m
	var tail bool
	m.buffer, tail = canonical(m.buffer[:0], path)
	m.route = find(l, m.buffer)

	// The path ends in "/%2F". For net/http that ends like "/", but it is not a slash, and one more can be appended.
	if tail && (m.route == nil || m.route.last().kind == multi) {
		m.n = 0
		m.slashed, m.inexact = nil, false
		size := len(m.buffer)
		m.buffer = append(m.buffer, "%2F/"...)
		if r := find(l, m.buffer); r != nil && !m.inexact {
			m.slashed = r
		}
		m.n = 0
		m.buffer = m.buffer[:size]
		m.route = find(l, m.buffer)
		m.inexact = true
	}

	// Decode what the wildcards stand for, behind the path.
	for i := range m.n {
		s := m.span(i)
		start := len(m.buffer)
		if i == m.n-1 && m.route.last().kind == multi && m.route.last().text != "" {
			// Not out of the buffer: if one segment cannot be decoded none is.
			rest := after(path, slashes(m.buffer[:s.start]))
			var ok bool
			if m.buffer, ok = unescape(m.buffer, rest); !ok {
				m.buffer = append(m.buffer[:start], rest...)
			}
		} else {
			m.buffer, _ = unescape(m.buffer, m.buffer[s.start:s.end])
		}
		m.setSpan(i, start, len(m.buffer))
	}
	m.path, m.text = m.buffer, ""
}
