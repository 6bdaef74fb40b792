package radix_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/radix"
)

// FuzzServeMux has ServeMux judge any patterns, one a line, and any request.
func FuzzServeMux(f *testing.F) {
	for _, s := range []struct{ patterns, method, host, path string }{
		{"/a/b/z\n/a/{x}/c\n/{rest...}", "GET", "h", "/a/b/c"},
		{"GET /{x}\nPOST /{y}\n/a", "PUT", "h", "/x"},
		{"h/a/\n/a/b/{$}\nHEAD /a/b", "HEAD", "h", "/a/b"},
		{"/%2F\n/{$}\n/a%2Fb/{x}", "GET", "", "/a%2fb/%2F"},
		{"/a/%2F/{$}\n/a/{x...}", "GET", "", "/a/%2F"},
		{"BASELINE-CONTROL /a\nVERSION-CONTROL /a", "BASELINE-CONTROL", "", "/./a"},
		{"/use\n/users\n/user/{id}/\n/us", "GET", "", "/user/1"},
		{"/{Ä}\n/Ä/{$}", "GET", "", "/%C3%84"},
		{"/a{x}\n{x}/\n /a", "", "", "//a/../b/"},
	} {
		f.Add(s.patterns, s.method, s.host, s.path)
	}
	f.Fuzz(func(t *testing.T, patterns, method, host, path string) {
		w := new(twins)
		for p := range strings.SplitSeq(patterns, "\n") {
			if !isTwinless(p) {
				w.register(t, p)
			}
		}
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(u.EscapedPath(), "/") || strings.Contains(u.EscapedPath(), "//") && method == "CONNECT" {
			return
		}
		if method == "CONNECT" {
			host = ""
		}
		w.lookup(t, method, radix.StripPort(host), u)
	})
}

// FuzzCleanPath has package path judge CleanPath.
func FuzzCleanPath(f *testing.F) {
	for _, s := range []string{"", "/", "//", "/a/../../b/", "/a/./b", "a", "/...", "/.a/..b", "/%2e/", "/a/..", "/a/."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		want := cleanSlowly(p)
		got, changed := radix.CleanPath([]byte("before"), []byte(p))
		require.Equal(t, want, string(got))
		require.Equal(t, want != p, changed)
		require.Equal(t, !changed, radix.IsClean(p))
		require.True(t, path.IsAbs(string(got)))
	})
}
