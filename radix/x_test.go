package radix_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/radix"
)

// found is what a lookup says, for tables.
type found struct {
	outcome radix.Outcome
	pattern string
	values  []string
}

func lookup(tree *radix.Tree[string], method, host, path string) found {
	var m radix.Match
	value, outcome := tree.Lookup(&m, []byte(method), []byte(host), []byte(path))
	f := found{outcome, m.Pattern(), nil}
	if value != f.pattern {
		panic("the value is not that of the pattern: " + value)
	}
	for i := range m.Len() {
		f.values = append(f.values, m.Name(i)+"="+string(m.Value(i)))
	}
	return f
}

func build(t testing.TB, patterns ...string) *radix.Tree[string] {
	tree := new(radix.Tree[string])
	for _, p := range patterns {
		require.NoError(t, tree.Add(p, p))
	}
	return tree
}

func TestLookup(t *testing.T) {
	const none, ok, redirect = radix.NotFound, radix.Found, radix.Redirect
	tree := build(t, "/a/b/z", "/a/{x}/c", "/{rest...}", "GET /users/{id}", "DELETE /users/{id}", "/users/{id}/posts/{$}",
		"h.example/a/{y}/{z}", "/dir/", "/dir/{f}/x", "/dir/%2F/x", "h.example/only/")
	for _, c := range []struct {
		method, host, path string
		want               found
	}{
		{"GET", "", "/a/b/z", found{ok, "/a/b/z", nil}},
		{"GET", "", "/a/b/c", found{ok, "/a/{x}/c", []string{"x=b"}}},
		{"GET", "", "/a/b/d", found{ok, "/{rest...}", []string{"rest=a/b/d"}}},
		{"GET", "", "/", found{ok, "/{rest...}", []string{"rest="}}},
		{"GET", "", "", found{none, "", nil}},
		{"HEAD", "", "/users/1", found{ok, "GET /users/{id}", []string{"id=1"}}},
		{"PUT", "", "/users/1", found{ok, "/{rest...}", []string{"rest=users/1"}}},
		{"GET", "", "/users/%41%2f%zz", found{ok, "GET /users/{id}", []string{"id=%41%2f%zz"}}},
		{"GET", "", "/users/%41%2f", found{ok, "GET /users/{id}", []string{"id=A/"}}},
		{"GET", "", "/users/1/posts", found{redirect, "/users/{id}/posts/{$}", nil}},
		{"GET", "h.example", "/a/b/c", found{ok, "h.example/a/{y}/{z}", []string{"y=b", "z=c"}}},
		{"GET", "h.example", "/only", found{redirect, "h.example/only/", nil}},
		{"GET", "", "/dir", found{redirect, "/dir/", nil}},
		{"GET", "", "/dir/%2F", found{ok, "/dir/", nil}},
	} {
		require.Equal(t, c.want, lookup(tree, c.method, c.host, c.path), "%v", c)
	}
}
