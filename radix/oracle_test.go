package radix_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/radix"
)

// stepsDefault is the number of registrations and lookups in every go test. A million:
//
//	PEREGRINE_ROUTES=1000000 go test ./radix -run TestOracle
const stepsDefault = 20_000

// twins are a tree and the ServeMux that judges it.
type twins struct {
	tree radix.Tree[string]
	mux  http.ServeMux
	m    radix.Match
	seen found // by the handlers of mux
}

// register adds a pattern to both, and reports whether they agree about it, and whether they took it.
func (w *twins) register(t testing.TB, pattern string) (taken bool) {
	err := w.tree.Add(pattern, pattern)
	refusal := func() (refusal any) {
		defer func() { refusal = recover() }()
		w.mux.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) {
			w.seen = found{radix.Found, pattern, nil}
			for _, name := range names(pattern) {
				w.seen.values = append(w.seen.values, name+"="+r.PathValue(name))
			}
		})
		return nil
	}()
	if (err == nil) != (refusal == nil) {
		t.Fatalf("%q: %v, but ServeMux says %v", pattern, err, refusal)
	}
	if c, ok := err.(*radix.ConflictError); ok {
		var a, b radix.Tree[string]
		require.NoError(t, a.Add(c.Pattern, c.Pattern))
		require.NoError(t, b.Add(c.Rival, c.Rival))
		for _, tree := range []*radix.Tree[string]{&a, &b} {
			method, host := methodAndHost(c.Pattern)
			if rival, _ := methodAndHost(c.Rival); method == "" || method == "GET" && rival == "HEAD" {
				method = rival // the narrower of the two
			}
			got := lookup(tree, method, host, c.Path)
			require.Equal(t, radix.Found, got.outcome, "%v", c)
		}
		require.Contains(t, fmt.Sprint(refusal), "conflicts with")
	}
	return err == nil
}

func methodAndHost(pattern string) (method, host string) {
	method, rest, ok := strings.Cut(pattern, " ") // never a tab first, here
	if !ok {
		method, rest = "", pattern
	}
	host, _, _ = strings.Cut(strings.TrimLeft(rest, " \t"), "/")
	return method, host
}

// names returns the names of a pattern's wildcards.
func names(pattern string) (names []string) {
	for _, s := range strings.Split(pattern, "/") {
		if strings.HasPrefix(s, "{") && s != "{$}" {
			names = append(names, strings.TrimSuffix(s[1:len(s)-1], "..."))
		}
	}
	return names
}

// lookup compares what both say to a request, and returns it. CONNECT has no host here: ServeMux looks at two of them.
func (w *twins) lookup(t testing.TB, method, host string, u *url.URL) found {
	path := u.EscapedPath()
	cleaned, changed := []byte(path), false
	if method != "CONNECT" {
		cleaned, changed = radix.CleanPath(nil, []byte(path))
	}
	value, outcome := w.tree.Lookup(&w.m, []byte(method), []byte(host), cleaned)
	got := found{outcome, w.m.Pattern(), nil}
	require.Equal(t, got.pattern, value)
	for i := range w.m.Len() {
		got.values = append(got.values, w.m.Name(i)+"="+string(w.m.Value(i)))
	}
	_, outcome = w.tree.LookupString(&w.m, method, host, string(cleaned))
	again := found{outcome, w.m.Pattern(), nil}
	for i := range w.m.Len() {
		again.values = append(again.values, w.m.Name(i)+"="+w.m.ValueString(i))
	}
	require.Equal(t, got, again, "as strings")

	r := &http.Request{Method: method, Host: host, URL: u, Header: http.Header{}}
	_, pattern := w.mux.Handler(r)
	rec := httptest.NewRecorder()
	w.seen = found{radix.NotFound, "", nil}
	w.mux.ServeHTTP(rec, r)
	want := w.seen
	location, allow := "", ""
	switch rec.Code {
	case http.StatusTemporaryRedirect:
		want = found{radix.Redirect, pattern, nil}
		location = rec.Header().Get("Location")
	case http.StatusMethodNotAllowed:
		want.outcome = radix.MethodNotAllowed
		allow = rec.Header().Get("Allow")
	}
	if changed && outcome != radix.Redirect {
		require.Equal(t, found{radix.Redirect, got.pattern, nil}, want, "%s %s%s", method, host, path)
		require.Equal(t, (&url.URL{Path: string(cleaned), RawQuery: u.RawQuery}).String(), location)
		return want
	}
	if method == "CONNECT" && want.outcome == radix.Redirect {
		pattern = got.pattern // ServeMux says the path
		want.pattern = pattern
	}
	require.Equal(t, want, got, "%s %s%s", method, host, path)
	if outcome == radix.MethodNotAllowed {
		methods := w.tree.Methods(&w.m, []byte(host), cleaned, nil)
		require.Equal(t, allow, strings.Join(methods, ", "), "%s %s%s", method, host, path)
	}
	return got
}

// The words of the generator. Those of patterns and those of requests meet often, in more than one spelling.
var (
	patternMethods = []string{"", "", "", "GET", "GET", "HEAD", "POST", "CONNECT", "REPORT", "PROPFIND", "BASELINE-CONTROL"}
	requestMethods = []string{"GET", "GET", "HEAD", "POST", "PUT", "CONNECT", "REPORT", "PROPFIND", "BASELINE-CONTROL", "VERSION-CONTROL", ""}
	hosts          = []string{"", "", "", "", "h", "h.example", "g"}
	literals       = []string{"a", "a", "b", "ab", "abc", "abd", "a%2fb", "%61", "%2F", "%25", "a%", "Ä"}
	singles        = []string{"{x}", "{y}", "{z}", "{w}", "{Ä}"}
	lasts          = []string{"", "", "{$}", "{r...}", "{x...}"}
	wrong          = []string{"{", "{}", "{x}a", "a{x}", "{a b}", "{1}", "{$}/a", "{x...}/", "..", ".", "{...}", "{x", "a}", "{x}/{x}"}
	pieces         = []string{"a", "a", "b", "ab", "abc", "abd", "a%2Fb", "%61", "a%62", "%2F", "%2f", "%25", "a%25", "%C3%84", "c", "q", "x%20y", "...", ".a", "%2e%2E"}
	unclean        = []string{"", ".", ".."}
)

func choose(r *rand.Rand, words []string) string { return words[r.IntN(len(words))] }

// pattern makes a pattern, which may be none.
func pattern(r *rand.Rand) string {
	var b strings.Builder
	switch m := choose(r, patternMethods); {
	case r.IntN(100) == 0:
		b.WriteString("GE(T ")
	case m != "":
		b.WriteString(m)
		b.WriteString(" \t"[:1+r.IntN(8)/7])
	}
	b.WriteString(choose(r, hosts))
	for range r.IntN(5) {
		b.WriteByte('/')
		switch k := r.IntN(100); {
		case k == 0:
			b.WriteString(choose(r, wrong))
		case k < 40:
			b.WriteString(choose(r, singles))
		default:
			b.WriteString(choose(r, literals))
		}
	}
	if r.IntN(2) == 0 {
		b.WriteByte('/')
		b.WriteString(choose(r, lasts))
	}
	return b.String()
}

// target makes the path of a request, most of the time one that resembles a pattern.
func target(r *rand.Rand, taken []string) string {
	shape := "/a/b/c/d/e/"[:2+r.IntN(10)]
	if len(taken) > 0 && r.IntN(3) > 0 {
		shape = choose(r, taken)
		shape = shape[strings.IndexByte(shape, '/'):]
	}
	var b strings.Builder
	for _, s := range strings.Split(shape[1:], "/") {
		b.WriteByte('/')
		switch k := r.IntN(100); {
		case k < 2:
			b.WriteString(choose(r, unclean))
		case k < 30, strings.HasPrefix(s, "{") && s != "{$}" && !strings.HasSuffix(s, "...}"):
			b.WriteString(choose(r, pieces))
		case strings.HasSuffix(s, "...}"):
			b.WriteString(choose(r, pieces) + "/" + choose(r, pieces))
		case s != "{$}":
			b.WriteString(strings.NewReplacer("Ä", "%C3%84", "a%", "a%25", "a%2fb", "a%2Fb").Replace(s))
		}
	}
	switch r.IntN(5) {
	case 0:
		b.WriteByte('/')
	case 1:
		if s := strings.TrimRight(b.String(), "/"); s != "" {
			return s
		}
	}
	return b.String()
}

// isTwinless reports whether a pattern is one that ServeMux takes, but does not match as documented: see the package's
// comment.
func isTwinless(pattern string) bool { return strings.Contains(pattern, "//") }

func TestOracle(t *testing.T) {
	steps := stepsDefault
	if s := os.Getenv("PEREGRINE_ROUTES"); s != "" {
		var err error
		steps, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	tally := map[string]int{}
	for seed := uint64(1); steps > 0; seed++ {
		steps -= playSeed(t, seed, tally)
	}
	t.Log(tally)
}

// playSeed makes up patterns and requests, and returns how many.
func playSeed(t *testing.T, seed uint64, tally map[string]int) (steps int) {
	r := rand.New(rand.NewPCG(seed, 0))
	w := new(twins)
	var taken []string
	defer func() {
		if t.Failed() {
			t.Logf("seed %d, patterns %q", seed, taken)
		}
	}()
	for range 2 + r.IntN(15) {
		p := pattern(r)
		if isTwinless(p) {
			continue
		}
		steps++
		if w.register(t, p) {
			tally["taken"]++
			taken = append(taken, p)
		} else {
			tally["refused"]++
		}
	}
	for range 40 {
		method, host, path := choose(r, requestMethods), choose(r, hosts), target(r, taken)
		u, err := url.ParseRequestURI(path)
		require.NoError(t, err)
		if method == "CONNECT" {
			if host = ""; strings.Contains(u.EscapedPath(), "//") {
				continue
			}
		}
		steps++
		tally[w.lookup(t, method, host, u).outcome.String()]++
	}
	return steps
}
