package native

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/httpparse"
)

// requestOf returns a request without a connection, with some field lines.
func requestOf(t testing.TB, lines string) *Request {
	r := &Request{head: new(httpparse.Request), bytes: []byte("GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n")}
	_, err := r.head.Parse(r.bytes)
	require.NoError(t, err)
	return r
}

func TestRequestCookies(t *testing.T) {
	r := requestOf(t, "Cookie: a=1; b=\"two\"; ; =none; bad name=x; c\r\ncookie: a=again;d=e=f; g= h ,i;j=\"\"; k=\\; l=\"\r\n")
	var all []string
	for n, v := range r.Cookies() {
		all = append(all, fmt.Sprintf("%s=%s", n, v))
	}
	require.Equal(t, []string{"a=1", "b=two", "c=", "a=again", "d=e=f", "g= h ,i", "j="}, all)
	require.Equal(t, "1", string(r.Cookie("a")))
	require.Nil(t, r.Cookie("A"))
	require.Nil(t, r.Cookie("k"))
	require.NotNil(t, r.Cookie("c"), "there, and empty")
	require.Empty(t, r.Cookie("c"))
	require.Nil(t, requestOf(t, "").Cookie("a"))
	for range r.Cookies() {
		break
	}

	r = requestOf(t, "Cookie: a=1\r\n")
	r.added = []field{{"Cookie", "a=0"}}
	require.Equal(t, "0", string(r.Cookie("a")), "a global header goes first")
}

func TestRequestCookieAllocs(t *testing.T) {
	r := requestOf(t, "Cookie: session=0123456789abcdef; theme=dark\r\n")
	require.Zero(t, testing.AllocsPerRun(100, func() { r.Cookie("theme") }))
}

func TestSetCookie(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
	for _, c := range []struct {
		cookie Cookie
		line   string // or
		err    string
	}{
		{Cookie{Name: "a", Value: "b"}, "a=b", ""},
		{Cookie{Name: "a"}, "a=", ""},
		{Cookie{Name: "a", Value: "b c,d"}, `a="b c,d"`, ""},
		{Cookie{Name: "a", Path: "/p q", Domain: ".example.com", Expires: at, MaxAge: 60, Secure: true, HttpOnly: true,
			SameSite: SameSiteNone, Partitioned: true}, "a=; Path=/p q; Domain=example.com; " +
			"Expires=Fri, 02 Jan 2026 02:04:05 GMT; Max-Age=60; HttpOnly; Secure; SameSite=None; Partitioned", ""},
		{Cookie{Name: "a", MaxAge: -1, SameSite: SameSiteLax}, "a=; Max-Age=0; SameSite=Lax", ""},
		{Cookie{Name: "a", Domain: "127.0.0.1", SameSite: SameSiteStrict}, "a=; Domain=127.0.0.1; SameSite=Strict", ""},
		{Cookie{Name: "__Host-a", Path: "/", Secure: true}, "__Host-a=; Path=/; Secure", ""},

		{Cookie{}, "", `cookie "": the name is not a token`},
		{Cookie{Name: "a b"}, "", `cookie "a b": the name is not a token`},
		{Cookie{Name: "a\r\nX: y"}, "", "the name is not a token"},
		{Cookie{Name: "a", Value: "b;c"}, "", `cookie "a": the value has byte ';'`},
		{Cookie{Name: "a", Value: "\r\nX: y"}, "", `the value has byte '\r'`},
		{Cookie{Name: "a", Value: "é"}, "", `the value has byte`},
		{Cookie{Name: "a", Path: "/;"}, "", `the path has byte ';'`},
		{Cookie{Name: "a", Path: "/\n"}, "", `the path has byte '\n'`},
		{Cookie{Name: "a", Domain: "ex ample"}, "", `"ex ample" is not a domain`},
		{Cookie{Name: "a", Domain: "::1"}, "", `"::1" is not a domain`},
		{Cookie{Name: "a", Expires: time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC)}, "", "the year 1600"},
		{Cookie{Name: "a", Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "", "the year 10000"},
		{Cookie{Name: "a", SameSite: 4}, "", "there is no SameSite 4"},
		{Cookie{Name: "a", SameSite: SameSiteNone}, "", "SameSite=None needs Secure"},
		{Cookie{Name: "a", Partitioned: true}, "", "Partitioned needs Secure"},
		{Cookie{Name: "__secure-a"}, "", "the prefix __Secure- needs Secure"},
		{Cookie{Name: "__Host-a", Secure: true, Path: "/", Domain: "a.b"}, "", "the prefix __Host- needs"},
		{Cookie{Name: "__Host-a", Secure: true}, "", "the prefix __Host- needs"},
	} {
		w := &Response{length: -1}
		w.Set("Set-Cookie", "first=1")
		err := w.SetCookie(&c.cookie)
		if c.err != "" {
			require.ErrorContains(t, err, c.err)
			require.Equal(t, "Set-Cookie: first=1\r\n", string(w.fields.lines))
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "Set-Cookie: first=1\r\nSet-Cookie: "+c.line+"\r\n", string(w.fields.lines))
	}
}

// TestCookieOracle: net/http reads and writes generated cookies as we do, but for what SetCookie refuses in addition.
func TestCookieOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(pieces ...string) string {
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	sites := []http.SameSite{http.SameSiteDefaultMode, http.SameSiteLaxMode, http.SameSiteStrictMode, http.SameSiteNoneMode}
	accepted := 0
	for range 50_000 {
		c := Cookie{
			Name: "n" + pick("a", "b", "-", "_", "1", "!", " ", "=", "é"), Value: pick("v", "a b", ",", "=", "1", "\"", "\\", "\x7f", ";"),
			Path: pick("/", "a", "%20", " a", ";", "\t", "é"), MaxAge: r.IntN(5) - 2,
			Domain: pick("a", "example", ".", ".", "-", "1", "127.0.0.1", ":", "_", strings.Repeat("x", 62)),
			Secure: r.IntN(2) == 0, HttpOnly: r.IntN(2) == 0, SameSite: SameSite(r.IntN(4)), Partitioned: r.IntN(4) == 0,
		}
		if r.IntN(2) == 0 {
			c.Expires = time.Unix(r.Int64N(4e9)-2e9, 5)
		}
		std := http.Cookie{Name: c.Name, Value: c.Value, Path: c.Path, Domain: c.Domain, Expires: c.Expires, MaxAge: c.MaxAge,
			Secure: c.Secure, HttpOnly: c.HttpOnly, SameSite: sites[c.SameSite], Partitioned: c.Partitioned}
		err := c.check()
		if c.SameSite == SameSiteNone && !c.Secure {
			require.Error(t, err)
			continue
		}
		require.Equal(t, std.Valid() == nil, err == nil, "%+v: %v, want %v", c, err, std.Valid())
		if err == nil {
			accepted++
			require.Equal(t, std.String(), c.String())
		}
	}
	require.Greater(t, accepted, 500)

	for range 50_000 {
		line := pick("a=b", "; ", ";", "c", "=", "\"", "\"x\"", " ", "\t", "é", "\\", ",") + ";" + pick("a=b", "z=\"q\"", "; ", ";", " ")
		head := "GET / HTTP/1.1\r\nHost: h\r\nCookie: " + line + "\r\n\r\n"
		std, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		require.NoError(t, err)
		var want, got []string
		for _, c := range std.Cookies() {
			want = append(want, c.Name+"="+c.Value)
		}
		for n, v := range requestOf(t, "Cookie: "+line+"\r\n").Cookies() {
			got = append(got, fmt.Sprintf("%s=%s", n, v))
		}
		require.Equal(t, want, got, "%q", line)
	}
}
