package radix_test

import (
	"strings"
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

func TestMethods(t *testing.T) {
	tree := build(t, "GET /a", "POST /a", "BASELINE-CONTROL /{x}", "GET h/a", "PUT h/{x}", "DELETE /a/{$}")
	var m radix.Match
	for _, c := range []struct {
		host, path string
		want       []string
	}{
		{"", "/a", []string{"before", "BASELINE-CONTROL", "DELETE", "GET", "HEAD", "POST"}},
		{"h", "/a", []string{"before", "BASELINE-CONTROL", "DELETE", "GET", "HEAD", "POST", "PUT"}},
		{"h", "/b", []string{"before", "BASELINE-CONTROL", "PUT"}},
		{"", "/a/", []string{"before", "DELETE"}},
		{"", "/a/b", []string{"before"}},
		{"", "", []string{"before"}},
	} {
		require.Equal(t, c.want, tree.Methods(&m, []byte(c.host), []byte(c.path), []string{"before"}), "%v", c)
	}
	require.Equal(t, found{radix.MethodNotAllowed, "", nil}, lookup(tree, "PATCH", "", "/a"))
	require.Equal(t, found{radix.Found, "BASELINE-CONTROL /{x}", []string{"x=b"}}, lookup(tree, "BASELINE-CONTROL", "", "/b"))
	require.Equal(t, found{radix.MethodNotAllowed, "", nil}, lookup(tree, "VERSION-CONTROL", "", "/b"))
}

func TestPatternError(t *testing.T) {
	var tree radix.Tree[int]
	for _, c := range []struct {
		pattern string
		offset  int
		reason  string
	}{
		{"", 0, "empty"},
		{"GET", 0, "no path"},
		{"GE(T /", 0, "method"},
		{"GET h", 4, "no path"},
		{"{x}/a", 0, "host"},
		{"GET  h{x}/a", 6, "host"},
		{"GET /a//b", 4, "cleaned"},
		{"POST /a/../b", 5, "cleaned"},
		{"/a{x}", 1, "whole segment"},
		{"/a/{x}b", 3, "whole segment"},
		{"/a/{x", 3, "whole segment"},
		{"/{}", 1, "name"},
		{"/{1}", 1, "name"},
		{"/{...}", 1, "name"},
		{"/{$}/a", 1, "last"},
		{"/{$}/", 1, "last"},
		{"/a/{x...}/b", 3, "last"},
		{"/{x}/{y}/{x...}", 9, `"x"`},
	} {
		var e *radix.PatternError
		require.ErrorAs(t, tree.Add(c.pattern, 1), &e, c.pattern)
		require.Equal(t, c.pattern, e.Pattern)
		require.Equal(t, c.offset, e.Offset, "%v", e)
		require.Contains(t, e.Reason, c.reason)
		require.ErrorContains(t, e, c.reason)
	}
	var m radix.Match
	_, outcome := tree.Lookup(&m, []byte("GET"), nil, []byte("/a"))
	require.Equal(t, radix.NotFound, outcome, "refused patterns leave nothing behind")
}

func TestConflictError(t *testing.T) {
	for _, c := range []struct{ pattern, rival, path string }{
		{"/a", "/%61", "/a"},
		{"/{x}/b", "/a/{y}", "/a/b"},
		{"/{x}/{y}/k", "/{z}/a%2Fb%25/{r...}", "/x/a%2Fb%25/k"},
		{"/{x}", "GET /", "/x"},
		{"GET /{x}", "HEAD /{x}/{$}", ""},
		{"HEAD /{x...}", "GET /{y}", "/y"},
		{"h/a", "GET h/{x}", "/a"},
		{"h/a", "g/a", ""},
		{"h/a", "/{a}", ""},
		{"/{x...}", "/", "/"},
		{"/{$}", "/%2F", "/"},
		{"/a/%2F/{x}", "/a/%2f/{y}", "/a/%2F/x"},
	} {
		for _, swapped := range []bool{false, true} {
			if swapped {
				c.pattern, c.rival = c.rival, c.pattern
				if c.path == "/x/a%2Fb%25/k" || c.path == "/a/%2F/x" {
					continue // the names are those of the first
				}
			}
			tree := build(t, "GET unrelated/{x}", c.rival)
			err := tree.Add(c.pattern, c.pattern)
			if c.path == "" {
				require.NoError(t, err)
				continue
			}
			var e *radix.ConflictError
			require.ErrorAs(t, err, &e, "%v", c)
			require.Equal(t, [3]string{c.pattern, c.rival, c.path}, [3]string{e.Pattern, e.Rival, e.Path})
			require.ErrorContains(t, e, "both match "+c.path)
			require.Equal(t, radix.Found, lookup(tree, "HEAD", "h", c.path).outcome)
		}
	}
}

// More wildcards, longer paths and longer values than a Match has room for.
func TestLong(t *testing.T) {
	pattern, path, want := "", "", found{radix.Found, "", nil}
	for i := range 26 {
		name, value := string(rune('a'+i)), strings.Repeat(string(rune('a'+i)), 1+i*7)
		pattern += "/{" + name + "}"
		path += "/" + value
		want.values = append(want.values, name+"="+value)
	}
	want.pattern = pattern + "/{rest...}"
	want.values = append(want.values, "rest=1/2/3")
	tree := build(t, want.pattern, "/"+strings.Repeat("long/", 100)+"{x}")
	require.Equal(t, want, lookup(tree, "GET", "", path+"/1/2/3"))
	require.Equal(t, want, lookup(tree, "GET", "", strings.ReplaceAll(path, "a", "%61")+"/1/2/%33"))
	require.Equal(t, found{radix.Found, "/" + strings.Repeat("long/", 100) + "{x}", []string{"x=y"}},
		lookup(tree, "GET", "", "/"+strings.Repeat("long/", 100)+"y"))
}

// A Match is used for one lookup after the other, of different trees, and nothing of the last is seen in the next.
func TestMatchAgain(t *testing.T) {
	a, b := build(t, "/{x}/{y}", "/dir/{$}"), build(t, "POST /{z}")
	var m radix.Match
	look := func(tree *radix.Tree[string], path string) radix.Outcome {
		_, outcome := tree.LookupString(&m, "GET", "", path)
		return outcome
	}
	require.Equal(t, radix.Found, look(a, "/1/2%20"))
	require.Equal(t, "2 ", m.ValueString(1))
	y, ok := m.Param("y")
	require.True(t, ok)
	require.Equal(t, "2 ", string(y))
	require.Equal(t, radix.Found, look(a, "/1/2"))
	require.Equal(t, "2", string(m.Value(1)))
	require.Equal(t, "1", m.ValueString(0))
	require.Equal(t, radix.MethodNotAllowed, look(b, "/1"))
	require.Zero(t, m.Len())
	require.Empty(t, m.Pattern())
	_, ok = m.Param("z")
	require.False(t, ok)
	require.Panics(t, func() { m.Value(0) })
	require.Panics(t, func() { m.Name(0) })
	require.Equal(t, radix.Redirect, look(a, "/dir"))
	require.Zero(t, m.Len())
	require.Equal(t, radix.NotFound, look(a, "/none"))
	require.Empty(t, m.Pattern())
}

// TestClone: what is added to a copy, nodes being split for it, is not in the original.
func TestClone(t *testing.T) {
	original := build(t, "GET /users/{id}", "GET /users/me", "h.example/a")
	before := lookup(original, "POST", "", "/users/x")
	c := original.Clone()
	for _, p := range []string{"/use/", "POST /users/{id}", "h.example/ab", "g.example/", "/users/{id}/x", "SUBSCRIBE /{$}"} {
		require.NoError(t, c.Add(p, p))
		_, ok := original.Value(p)
		require.False(t, ok)
		_, ok = c.Value(p)
		require.True(t, ok)
	}
	require.Equal(t, before, lookup(original, "POST", "", "/users/x"))
	require.Equal(t, radix.NotFound, lookup(original, "GET", "g.example", "/").outcome)
	require.Equal(t, radix.NotFound, lookup(original, "GET", "", "/users/x/x").outcome)
	require.Equal(t, found{radix.Found, "POST /users/{id}", []string{"id=x"}}, lookup(c, "POST", "", "/users/x"))
	require.Equal(t, found{radix.Found, "GET /users/me", nil}, lookup(c, "HEAD", "", "/users/me"))
	require.True(t, c.HasHosts())
	require.False(t, build(t, "/").HasHosts())
}

// TestAllocs: none, for any outcome, once the Match has seen a path that long.
func TestAllocs(t *testing.T) {
	tree := build(t, "GET /static/path/of/some/length", "GET /users/{id}/posts/{post}", "/a/b/z", "/a/{x}/c", "/a/{rest...}",
		"h.example/{x}", "POST /only", "/dir/")
	var m radix.Match
	methods := make([]string, 0, 8)
	for _, c := range []struct {
		method, host, path string
		want               radix.Outcome
	}{
		{"GET", "", "/static/path/of/some/length", radix.Found},
		{"HEAD", "", "/users/12345678901/posts/1", radix.Found},
		{"GET", "", "/a/b/c", radix.Found},
		{"GET", "", "/a/b/d", radix.Found},
		{"GET", "h.example", "/x", radix.Found},
		{"GET", "", "/users/%41%42/posts/%2F%zz", radix.Found},
		{"GET", "", "/" + strings.Repeat("x", 300), radix.NotFound},
		{"GET", "", "/only", radix.MethodNotAllowed},
		{"BASELINE-CONTROL", "", "/dir", radix.Redirect},
	} {
		method, host, path := []byte(c.method), []byte(c.host), []byte(c.path)
		var outcome radix.Outcome
		var sum int
		look := func() {
			_, outcome = tree.Lookup(&m, method, host, path)
			for i := range m.Len() {
				value, _ := m.Param(m.Name(i))
				sum += len(value) + len(m.Pattern())
			}
			_, asString := tree.LookupString(&m, c.method, c.host, c.path)
			sum += int(asString)
			if c.want == radix.MethodNotAllowed {
				methods = tree.Methods(&m, host, path, methods[:0])
			}
			_, changed := radix.CleanPath(nil, path)
			if changed || len(radix.StripPort(host)) != len(host) {
				sum = 0
			}
		}
		look()
		require.Equal(t, c.want, outcome, c.path)
		require.Zero(t, testing.AllocsPerRun(100, look), c.path)
	}
}

// Lookups in parallel share nothing that is written: the race detector would see it.
func TestParallel(t *testing.T) {
	tree := build(t, "/a/{x}", "POST /b", "h/c/{y...}")
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 1000 {
				require.Equal(t, "/a/{x}", lookup(tree, "GET", "h", "/a/%31").pattern)
				require.Equal(t, radix.MethodNotAllowed, lookup(tree, "GET", "h", "/b").outcome)
				require.Equal(t, []string{"y=1/2"}, lookup(tree, "GET", "h", "/c/1/2").values)
			}
		})
	}
}
