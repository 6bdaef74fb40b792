package nethttp

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/httpparse"
)

var targets = []string{
	"/", "/a", "/a/b/c.html", "//a", "///", "/a//b/", "/a?b=c", "/a?", "/a??", "/a?b?", "/?", "/a?b=%zz", "/a%20b", "/%zz",
	"/a:b", "/a;b=c,d", "/@$&+=~-_.", "/a!b", "/a*b", "/(a)", "/'", "/[a]", "/a|b", "/\xc3\xa9", "/a?\xc3\xa9", "/%C3%A9",
	"/a%2fb", "/a%2Fb", "/\\a", "/a\"b", "/<a>", "/a^b`c{d}", "*", "http://h", "http://h/", "http://h?q", "http://h:80/p?q",
	"https://[::1]:443/", "http://h/p%2fq", "/http://h/", "/.", "/..", "/../a", "/a/./b",
}

// A target that is filled in without package url means what package url makes of it.
func TestTargetOracle(t *testing.T) {
	for _, target := range targets {
		sameTarget(t, "GET", target)
	}
	for c := range 256 {
		sameTarget(t, "GET", "/a"+string([]byte{byte(c)})+"b")
		sameTarget(t, "GET", "/a?"+string([]byte{byte(c)})+"b")
	}
	sameTarget(t, "OPTIONS", "*")
}

func TestConnectTarget(t *testing.T) {
	u := target(t, "CONNECT", "example.com:443")
	require.Equal(t, &url.URL{Host: "example.com:443"}, u)
}

func FuzzTarget(f *testing.F) {
	for _, target := range targets {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) { sameTarget(t, "GET", target) })
}

func sameTarget(t *testing.T, method, text string) {
	t.Helper()
	got := target(t, method, text)
	if got == nil {
		return // not a request at all
	}
	want, err := url.ParseRequestURI(text)
	require.NoError(t, err, "%q", text)
	require.Equal(t, want, got, "%q", text)
	require.Equal(t, want.String(), got.String())
}

// target returns what the adapter makes of a target, or nil if the parser or the adapter refuses it, which is only
// right if package url does, or a rule of httpparse says so.
func target(t *testing.T, method, text string) *url.URL {
	t.Helper()
	head := method + " " + text + " HTTP/1.1\r\nHost: h\r\n\r\n"
	var h httpparse.Request
	n, err := h.Parse([]byte(head))
	if err != nil || n != len(head) {
		return nil
	}
	u := new(url.URL)
	if err := parseTarget(u, &h, head); err != nil {
		_, err := url.ParseRequestURI(text)
		require.Error(t, err, "%q", text)
		return nil
	}
	return u
}
