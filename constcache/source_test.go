package constcache_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/constcache"
)

// TestRefused: what must not be sent is refused, by an error that names it.
func TestRefused(t *testing.T) {
	with := func(name, value string) constcache.Source {
		return constcache.Source{Status: 200, Fields: []constcache.Field{{"X-Fine", "yes"}, {name, value}}}
	}
	for _, c := range []struct {
		src  constcache.Source
		want string
	}{
		{constcache.Source{}, "0 is not a final status code"},
		{constcache.Source{Status: 101}, "101 is not a final status code"},
		{constcache.Source{Status: 1000}, "1000 is not a final status code"},
		{constcache.Source{Status: 206}, "status 206"},
		{constcache.Source{Status: 304}, "status 304"},
		{constcache.Source{Status: 204, Body: []byte("x")}, "status 204 has no body"},
		{constcache.Source{Status: 205, Body: []byte("x")}, "status 205 has no body"},
		{with("", "x"), `field 1: ""`},
		{with("X Y", "x"), `field 1: "X Y"`},
		{with("X:", "x"), `field 1: "X:"`},
		{with("X\r\nY", "x"), `field 1: "X\r\nY"`},
		{with("X", "a\r\nSet-Cookie: b"), "field X: control character"},
		{with("X", "a\nb"), "field X: control character"},
		{with("X", "a\x00b"), "field X: control character"},
		{with("X", "a\x7fb"), "field X: control character"},
		{with("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), "field Date"},
		{with("content-length", "5"), "field content-length"},
		{with("Transfer-Encoding", "chunked"), "field Transfer-Encoding"},
		{with("Connection", "close"), "field Connection"},
		{with("Keep-Alive", "timeout=5"), "field Keep-Alive"},
		{with("Proxy-Connection", "close"), "field Proxy-Connection"},
		{with("Upgrade", "h2c"), "field Upgrade"},
		{with("Trailer", "X"), "field Trailer"},
		{with("Content-Range", "bytes 0-1/2"), "field Content-Range"},
		{with("ETag", "v1"), "field ETag"},
		{with("ETag", `"v1`), "field ETag"},
		{with("ETag", `"v 1"`), "field ETag"},
		{with("ETag", `w/"v1"`), "field ETag"},
		{with("ETag", `"v1", "v2"`), "field ETag"},
		{with("ETag", ""), "field ETag"},
		{constcache.Source{Status: 200, Fields: []constcache.Field{{"ETag", `"a"`}, {"Etag", `"a"`}}}, "field Etag is repeated"},
		{with("Last-Modified", "yesterday"), "field Last-Modified"},
		{with("Last-Modified", "Sunday, 06-Nov-94 08:49:37 GMT"), "field Last-Modified"},
		{constcache.Source{Status: 200, Fields: []constcache.Field{{"Last-Modified", string(date)}, {"Last-Modified", string(date)}}},
			"field Last-Modified is repeated"},
	} {
		a, err := constcache.Make(c.src)
		require.Nil(t, a)
		require.ErrorContains(t, err, c.want)
	}
}

func TestAccepted(t *testing.T) {
	for _, f := range []constcache.Field{
		{"X", ""}, {"X", "\ttab"}, {"X", "caf\xc3\xa9"}, {"!#$%&'*+-.^_`|~09azAZ", "x"}, {"ETag", `""`}, {"ETag", `W/"x"`},
		{"ETag", ` "x" `}, {"Last-Modified", string(date)}, {"Accept-Ranges", "none"},
	} {
		answer(t, constcache.Source{Status: 200, Fields: []constcache.Field{f}})
	}
}

func TestEncodersRefused(t *testing.T) {
	fails := errors.New("out of order")
	src := constcache.Source{Status: 200, Body: page}
	for _, c := range []struct {
		encoders []constcache.Encoder
		want     string
	}{
		{make([]constcache.Encoder, constcache.EncodersMax+1), "9 encoders"},
		{[]constcache.Encoder{marked("", 9)}, `encoder 0: ""`},
		{[]constcache.Encoder{marked("a b", 9)}, `encoder 0: "a b"`},
		{[]constcache.Encoder{marked("*", 9)}, `encoder 0: "*"`},
		{[]constcache.Encoder{marked("Identity", 9)}, `encoder 0: "Identity"`},
		{[]constcache.Encoder{{Name: "gzip"}}, `encoder 0: "gzip"`},
		{[]constcache.Encoder{marked("gzip", 9), marked("GZIP", 9)}, `encoder 1: "GZIP" is repeated`},
		{[]constcache.Encoder{{"zstd", func([]byte) ([]byte, error) { return nil, fails }}}, "encoder zstd: out of order"},
	} {
		_, err := constcache.Make(src, c.encoders...)
		require.ErrorContains(t, err, c.want)
	}
	_, err := constcache.Make(src, constcache.Encoder{Name: "zstd", Encode: func([]byte) ([]byte, error) { return nil, fails }})
	require.ErrorIs(t, err, fails)
}

// fieldOf returns the values of a field in what a request for a coding gets.
func fieldOf(a *constcache.Answer, coding, name string) (values []string) {
	_, fields, _ := a.Parts(&constcache.Ask{Minor: 1, AcceptEncoding: []byte(coding)})
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// TestWorthIt: a coding is made only where it can be of use, and kept only where it is.
func TestWorthIt(t *testing.T) {
	body := func(n int) []byte { return []byte(strings.Repeat("x", n)) }
	for _, c := range []struct {
		name   string
		src    constcache.Source
		size   int // of the coding
		called bool
		kept   bool
	}{
		{"small", constcache.Source{Status: 200, Body: body(64)}, 4, false, false},
		{"saves 64 bytes", constcache.Source{Status: 200, Body: body(200)}, 136, true, true},
		{"saves 63 bytes", constcache.Source{Status: 200, Body: body(200)}, 137, true, false},
		{"saves a 16th", constcache.Source{Status: 200, Body: body(16000)}, 15000, true, true},
		{"saves less than a 16th", constcache.Source{Status: 200, Body: body(16000)}, 15001, true, false},
		{"longer", constcache.Source{Status: 200, Body: body(1000)}, 2000, true, false},
		{"encoded already", constcache.Source{Status: 200, Fields: []constcache.Field{{"content-encoding", "br"}}, Body: body(1000)}, 10, false, false},
		{"not encoded, and says so", constcache.Source{Status: 200, Fields: []constcache.Field{{"Content-Encoding", "identity"}}, Body: body(1000)}, 10, true, true},
		{"nothing", constcache.Source{Status: 204}, 4, false, false},
	} {
		called := false
		gzip := marked("gzip", c.size)
		a := answer(t, c.src, constcache.Encoder{Name: "gzip", Encode: func(b []byte) ([]byte, error) {
			called = true
			require.Equal(t, c.src.Body, b)
			return gzip.Encode(b)
		}})
		require.Equal(t, c.called, called, c.name)
		if c.kept {
			require.Equal(t, []string{"gzip"}, fieldOf(a, "gzip", "Content-Encoding"), c.name)
			require.Equal(t, []string{"Accept-Encoding"}, fieldOf(a, "", "Vary"), c.name)
		} else {
			require.Equal(t, fieldOf(a, "", "Content-Encoding"), fieldOf(a, "gzip", "Content-Encoding"), c.name)
			require.Empty(t, fieldOf(a, "", "Vary"), c.name)
		}
	}
}

func TestVary(t *testing.T) {
	for _, c := range []struct{ given, want []string }{
		{nil, []string{"Accept-Encoding"}},
		{[]string{"Origin"}, []string{"Origin", "Accept-Encoding"}},
		{[]string{"Origin, accept-encoding"}, []string{"Origin, accept-encoding"}},
		{[]string{"Origin", " Accept-Encoding"}, []string{"Origin", " Accept-Encoding"}},
		{[]string{"*"}, []string{"*"}},
		{[]string{"X-Accept-Encoding"}, []string{"X-Accept-Encoding", "Accept-Encoding"}},
	} {
		src := constcache.Source{Status: 200, Body: page}
		for _, v := range c.given {
			src.Fields = append(src.Fields, constcache.Field{Name: "Vary", Value: v})
		}
		a := answer(t, src, marked("gzip", 300))
		require.Equal(t, c.want, fieldOf(a, "", "Vary"))
		require.Equal(t, c.want, fieldOf(a, "gzip", "Vary"))
	}
}

func TestTags(t *testing.T) {
	tags := func(body string, fields ...constcache.Field) (plain, gzip string) {
		a := answer(t, constcache.Source{Status: 200, Fields: fields, Body: []byte(body)}, marked("gzip", 100))
		for coding, tag := range map[string]*string{"": &plain, "gzip": &gzip} {
			values := fieldOf(a, coding, "ETag")
			require.Len(t, values, 1)
			*tag = values[0]
		}
		return plain, gzip
	}
	body := string(page)
	plain, gzip := tags(body)
	require.Regexp(t, `^"[A-Za-z0-9_-]{22}"$`, plain)
	require.Regexp(t, `^"[A-Za-z0-9_-]{22}"$`, gzip)
	require.NotEqual(t, plain, gzip)

	again, _ := tags(body, constcache.Field{Name: "X", Value: "y"})
	require.Equal(t, plain, again, "the same body, the same tag")
	other, _ := tags(body + " ")
	require.NotEqual(t, plain, other)
	typed, _ := tags(body, constcache.Field{Name: "Content-Type", Value: "text/plain"})
	require.NotEqual(t, plain, typed, "a cache has to learn of a new type")

	plain, gzip = tags(body, constcache.Field{Name: "Etag", Value: `"v1"`})
	require.Equal(t, []string{`"v1"`, `"v1-gzip"`}, []string{plain, gzip})
	plain, gzip = tags(body, constcache.Field{Name: "Etag", Value: `W/"v1"`})
	require.Equal(t, []string{`W/"v1"`, `W/"v1"`}, []string{plain, gzip})
}
