package radix_test

import (
	"math/rand/v2"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/radix"
)

// What ServeMux cannot be asked, because no URL has it or because it does not do what it says, is asked of a twin that
// tries one pattern after the other.

// matchSlowly returns the values of a pattern's wildcards for a path, and whether it matches.
func matchSlowly(pattern, path string) (values []string, ok bool) {
	unescape := func(s string) string {
		if u, err := url.PathUnescape(s); err == nil {
			return u
		}
		return s
	}
	segments := strings.Split(pattern[strings.IndexByte(pattern, '/')+1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		if path == "" {
			return nil, false
		}
		if name, ok := strings.CutSuffix(s, "...}"); last && (s == "" || ok) {
			if s != "" {
				values = append(values, name[1:]+"="+unescape(path[1:]))
			}
			return values, true
		}
		segment, rest := path[1:], ""
		if j := strings.IndexByte(segment, '/'); j >= 0 {
			segment, rest = segment[:j], segment[j:]
		}
		segment = unescape(segment)
		if path == "/" {
			segment = "/"
		}
		switch {
		case s == "{$}":
			if segment != "/" {
				return nil, false
			}
		case strings.HasPrefix(s, "{"):
			if segment == "/" {
				return nil, false
			}
			values = append(values, s[1:len(s)-1]+"="+segment)
		case unescape(s) != segment:
			return nil, false
		}
		path = rest
	}
	return values, path == ""
}

// findSlowly returns the most specific of the patterns that match a path.
func findSlowly(patterns []string, path string) (f found) {
	rank := func(pattern string) (rank []int) {
		segments := strings.Split(pattern, "/")
		for i, s := range segments[1:] {
			switch {
			case s == "" && i == len(segments)-2, strings.HasSuffix(s, "...}"):
				rank = append(rank, 2)
			case strings.HasPrefix(s, "{") && s != "{$}":
				rank = append(rank, 1)
			default:
				rank = append(rank, 0)
			}
		}
		return rank
	}
	for _, p := range patterns {
		if values, ok := matchSlowly(p, path); ok && (f.pattern == "" || slices.Compare(rank(p), rank(f.pattern)) < 0) {
			f = found{radix.Found, p, values}
		}
	}
	return f
}

func TestTwin(t *testing.T) {
	tally := map[string]int{}
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 1))
		tree := new(radix.Tree[string])
		var taken []string
		for range 12 {
			p := pattern(r)
			if p = p[max(0, strings.IndexByte(p, '/')):]; r.IntN(4) == 0 {
				p = strings.Replace(p, "/", "//", 1)
			}
			if strings.HasSuffix(p, "//") {
				continue // an empty segment, and then anything: the twin's ranks are too simple for that
			}
			if tree.Add(p, p) == nil {
				taken = append(taken, p)
			}
		}
		for range 40 {
			path := target(r, taken)
			if r.IntN(3) == 0 {
				i := r.IntN(len(path))
				path = path[:i] + choose(r, []string{"%", "%4", "%zz", "/", "//", "%2", "%00", "\x00"}) + path[i:]
			}
			if path[0] != '/' {
				path = "/" + path
			}
			want := findSlowly(taken, path)
			got := lookup(tree, "GET", "", path)
			switch {
			case got.outcome == radix.Redirect:
				slashed := findSlowly(taken, path+"/")
				require.Equal(t, slashed.pattern, got.pattern, "seed %d, %q in %q", seed, path, taken)
				var m radix.Match
				tree.Lookup(&m, []byte("GET"), nil, []byte(path))
				stay, outcome := tree.Stay(&m)
				require.Equal(t, found{want.outcome, want.pattern, nil}, found{outcome, stay, nil})
			default:
				require.Equal(t, want, got, "seed %d, %q in %q", seed, path, taken)
			}
			tally[got.outcome.String()]++
		}
	}
	t.Log(tally)
	require.NotZero(t, tally["redirect"])
	require.NotZero(t, tally["not found"])
}

// cleanSlowly is the rule in terms of package path.
func cleanSlowly(p string) string {
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

func TestClean(t *testing.T) {
	// All paths of up to eight of these bytes.
	var try func(p []byte)
	dst := make([]byte, 0, 16)
	try = func(p []byte) {
		want := cleanSlowly(string(p))
		got, changed := radix.CleanPath(dst, p)
		if want != string(got) || changed != (want != string(p)) || radix.IsClean(p) == changed {
			t.Fatalf("%q: %q, want %q", p, got, want)
		}
		if len(p) < 8 {
			for _, c := range []byte("/.a") {
				try(append(p[:len(p):len(p)], c))
			}
		}
	}
	try(nil)
}

func TestStripPort(t *testing.T) {
	stripSlowly := func(h string) string {
		if host, _, err := net.SplitHostPort(h); err == nil {
			return host
		}
		return h
	}
	var try func(h string)
	try = func(h string) {
		if want, got := stripSlowly(h), radix.StripPort(h); want != got {
			t.Fatalf("%q: %q, want %q", h, got, want)
		}
		if len(h) < 7 {
			for _, c := range ":[]a" {
				try(h + string(c))
			}
		}
	}
	try("")
	require.Equal(t, "example.com", radix.StripPort("example.com:8080"))
	require.Equal(t, []byte("::1"), radix.StripPort([]byte("[::1]:8080")))
}
