package radix

import (
	"bytes"
	"slices"
	"strings"
)

// Tree maps patterns to values. The zero value is ready.
//
// Add is not concurrent with anything. Lookups may be concurrent with each other, each with a [Match] of its own.
type Tree[T any] struct {
	values []T
	table
}

// Outcome is what a lookup finds.
type Outcome uint8

// What a lookup finds.
const (
	NotFound         Outcome = iota
	Found                    // a route
	Redirect                 // none for the path, or a less specific one, but one for path + "/": the client is sent there
	MethodNotAllowed         // none, but other methods have one
)

func (o Outcome) String() string {
	return [...]string{"not found", "found", "redirect", "method not allowed"}[o]
}

// Add adds a pattern. The error is a [*PatternError] or a [*ConflictError], and leaves the tree as it was.
func (t *Tree[T]) Add(pattern string, value T) error {
	r, err := parse(pattern)
	if err != nil {
		return err
	}
	for _, rival := range t.routes {
		if e := conflict(r, rival); e != nil {
			return e
		}
	}
	r.value = len(t.values)
	t.values = append(t.values, value)
	t.add(r)
	return nil
}

// Clone returns a tree with the same patterns and values, to add to while the old one is in use.
func (t *Tree[T]) Clone() *Tree[T] {
	return &Tree[T]{values: slices.Clone(t.values), table: t.clone()}
}

// Value returns the value of a pattern, and whether it is there. It is compared as it was registered. Unlike a lookup,
// this takes time in proportion to the number of patterns.
func (t *Tree[T]) Value(pattern string) (value T, ok bool) {
	for i, r := range t.routes {
		if r.pattern == pattern {
			return t.values[i], true
		}
	}
	return value, false
}

// HasHosts reports whether any pattern has a host, and a lookup can therefore depend on it.
func (t *Tree[T]) HasHosts() bool { return len(t.hosts) > 0 }

// Lookup looks for the most specific pattern that matches a request, notes pattern and parameters in m, and returns the
// pattern's value.
//
// The host is compared as it is: use [StripPort] first, except for CONNECT. The path is escaped, as it came in the
// request line; use [CleanPath] first, except for CONNECT. GET patterns match HEAD.
//
// For Redirect, pattern and value are those for path + "/", and there are no parameters. For NotFound and
// MethodNotAllowed the value is the zero T.
//
// What m returns are views of path, or of memory of m, until m is used for the next lookup.
func (t *Tree[T]) Lookup(m *Match, method, host, path []byte) (value T, outcome Outcome) {
	m.path, m.text = path, ""
	lookup(&t.table, m, method, host, path, bytes.IndexByte(path, '%') >= 0)
	return t.result(m)
}

// LookupString is [Tree.Lookup] for strings. It has [Match.ValueString] return parts of path.
func (t *Tree[T]) LookupString(m *Match, method, host, path string) (value T, outcome Outcome) {
	m.path, m.text = nil, path
	lookup(&t.table, m, method, host, path, strings.IndexByte(path, '%') >= 0)
	return t.result(m)
}

// Stay returns what the last lookup, which said Redirect, would have said if there were no redirects, and has m say the
// rest: a less specific pattern for the path itself, if there is one.
func (t *Tree[T]) Stay(m *Match) (value T, outcome Outcome) {
	m.route, m.n = m.stay, m.stayN
	m.inexact, m.slashed = false, nil
	return t.result(m)
}

func (t *Tree[T]) result(m *Match) (value T, outcome Outcome) {
	outcome = m.outcome()
	if m.route != nil {
		value = t.values[m.route.value]
	}
	return value, outcome
}

// Methods appends the methods that have a pattern for a path, or for path + "/", sorted, and HEAD where there is GET:
// what stands in Allow. Patterns without a method do not count; where one matches there is no 405. Host and path are
// those of Lookup; for an empty path, which Lookup never finds, they are the methods of "/". The result of the last
// lookup with m is lost.
func (t *Tree[T]) Methods(m *Match, host, path []byte, dst []string) []string {
	if len(path) == 0 {
		path = []byte("/")
	}
	m.collecting, m.methods = true, dst
	lookup(&t.table, m, nil, host, path, bytes.IndexByte(path, '%') >= 0)
	all := m.methods
	m.collecting, m.methods = false, nil

	if slices.Contains(all[len(dst):], "GET") {
		all = append(all, "HEAD")
	}
	slices.Sort(all[len(dst):])
	return all[:len(dst)+len(slices.Compact(all[len(dst):]))]
}
