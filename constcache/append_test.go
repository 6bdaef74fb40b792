package constcache_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/constcache"
)

// page is a body that codings make shorter.
var page = []byte(strings.Repeat("<p>All that is gold does not glitter.</p>\n", 100))

// marked returns an encoder whose results can be told apart: the coding's name, and as many bytes as make up size.
func marked(name string, size int) constcache.Encoder {
	return constcache.Encoder{Name: name, Encode: func([]byte) ([]byte, error) {
		return []byte(name + strings.Repeat("~", size-len(name))), nil
	}}
}

func answer(t testing.TB, src constcache.Source, encoders ...constcache.Encoder) *constcache.Answer {
	t.Helper()
	a, err := constcache.Make(src, encoders...)
	require.NoError(t, err)
	return a
}

// parsed is a response as net/http's client reads it.
type parsed struct {
	*http.Response
	body string
	rest string // what follows it on the connection
}

func parse(t testing.TB, response []byte, method string) parsed {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(response))
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	require.NoError(t, err, "%q", response)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err, "%q", response)
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	return parsed{res, string(body), string(rest)}
}

// TestVariants: every variant of every kind of answer is a response that says what was meant, and leaves nothing over.
func TestVariants(t *testing.T) {
	fields := []constcache.Field{{"Content-Type", "text/html"}, {"Cache-Control", "max-age=9"}, {"Content-Location", "/here"},
		{"Expires", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Content-Language", "en"}, {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"},
		{"Link", "</a>"}, {"Link", "</b>"}}
	for _, status := range []int{200, 203, 204, 205, 301, 404, 410, 503, 599} {
		src := constcache.Source{Status: status, Fields: fields}
		content := status != 204 && status != 205
		if content {
			src.Body = page
		}
		a := answer(t, src, marked("gzip", 300), marked("zstd", 200))
		require.Equal(t, status, a.Status())
		bodies := map[string]string{"": string(src.Body), "gzip": marked2("gzip", 300), "zstd": marked2("zstd", 200)}
		tags := map[string]string{}
		for _, coding := range []string{"", "gzip", "zstd"} {
			for i := range 16 {
				ask := constcache.Ask{Head: i&1 != 0, Close: i&2 != 0, Minor: uint8(i >> 2 & 1), AcceptEncoding: []byte(coding)}
				if i&8 != 0 {
					ask.IfNoneMatch = []byte("*")
				}
				name := fmt.Sprintf("%d %q %+v", status, coding, ask)
				out := a.Append([]byte("before"), date, &ask)
				require.Equal(t, "before", string(out[:6]))
				method := "GET"
				if ask.Head {
					method = "HEAD"
				}
				res := parse(t, out[6:], method)
				require.Empty(t, res.rest, name)

				wantStatus := status
				if i&8 != 0 && status < 300 && content {
					wantStatus = 304
				}
				require.Equal(t, wantStatus, res.StatusCode, name)
				require.Equal(t, int(ask.Minor), res.ProtoMinor, name)
				require.Equal(t, string(date), res.Header.Get("Date"), name)
				require.Equal(t, ask.Close, res.Close, name)
				if status != 599 {
					require.Equal(t, fmt.Sprint(wantStatus, " ", http.StatusText(wantStatus)), res.Status)
				}

				// HTTP/1.0 ends connections unless told otherwise, HTTP/1.1 keeps them.
				require.Equal(t, ask.Close && ask.Minor == 1, bytes.Contains(out, []byte("\r\nConnection: close\r\n")), name)
				require.Equal(t, !ask.Close && ask.Minor == 0, bytes.Contains(out, []byte("\r\nConnection: keep-alive\r\n")), name)

				body := bodies[coding]
				if !content {
					body = ""
				}
				length := []string{fmt.Sprint(len(body))}
				if wantStatus == 304 || wantStatus == 204 {
					length = nil
				}
				require.Equal(t, length, res.Header["Content-Length"], name)
				if ask.Head || wantStatus == 304 {
					body = ""
				}
				require.Equal(t, body, res.body, name)

				unmodified := wantStatus == 304
				tag := res.Header.Get("Etag")
				require.Equal(t, content && status < 300, tag != "", name)
				if tag != "" {
					if tags[coding] == "" {
						tags[coding] = tag
					}
					require.Equal(t, tags[coding], tag, name)
				}
				if content {
					require.Equal(t, []string{"Accept-Encoding"}, res.Header["Vary"], name)
				}
				for _, f := range []string{"Cache-Control", "Content-Location", "Expires", "Link"} {
					require.NotEmpty(t, res.Header.Get(f), name)
				}
				require.Equal(t, []string{"</a>", "</b>"}, res.Header["Link"], name)
				for _, f := range []string{"Content-Type", "Content-Language", "Last-Modified"} {
					require.Equal(t, unmodified, res.Header.Get(f) == "", name)
				}
				if coding != "" && content {
					require.Equal(t, !unmodified, res.Header.Get("Content-Encoding") == coding, name)
				} else {
					require.Empty(t, res.Header["Content-Encoding"], name)
				}

				head, rest := a.AppendHead([]byte("before"), date, &ask)
				require.Equal(t, string(out), string(head)+string(rest), name)

				partStatus, partFields, partBody := a.Parts(&ask)
				require.Equal(t, wantStatus, partStatus, name)
				want := http.Header{}
				for _, f := range partFields {
					want.Add(f.Name, f.Value)
				}
				for _, f := range []string{"Date", "Content-Length", "Connection"} {
					res.Header.Del(f)
				}
				require.Equal(t, want, res.Header, name)
				if !ask.Head {
					require.Equal(t, res.body, string(partBody), name)
				}
			}
		}
		if status < 300 && content {
			require.Len(t, map[string]bool{tags[""]: true, tags["gzip"]: true, tags["zstd"]: true}, 3, "each variant has its own tag")
		}
	}
}

func marked2(name string, size int) string {
	b, _ := marked(name, size).Encode(nil)
	return string(b)
}

// TestDate: whatever is given as a date, nothing but the 29 bytes of the date change.
func TestDate(t *testing.T) {
	a := answer(t, constcache.Source{Status: 200, Body: []byte("body")})
	ask := &constcache.Ask{Minor: 1}
	whole := string(a.Append(nil, date, ask))
	require.Equal(t, whole, string(a.Append(nil, append(date[:len(date):len(date)], "\r\nX: y"...), ask)))
	short := string(a.Append(nil, []byte("Mon"), ask))
	require.Len(t, short, len(whole))
	require.Equal(t, whole, string(a.Append(nil, date, ask)), "the answer itself is as it was")
}

func TestSourceIsCopied(t *testing.T) {
	src := constcache.Source{Status: 200, Fields: []constcache.Field{{"X", "y"}}, Body: []byte("body")}
	a := answer(t, src)
	ask := &constcache.Ask{Minor: 1}
	before := string(a.Append(nil, date, ask))
	src.Body[0], src.Fields[0].Name = 'B', "Z"
	require.Equal(t, before, string(a.Append(nil, date, ask)))
	_, fields, body := a.Parts(ask)
	require.Equal(t, "X", fields[0].Name)
	require.Equal(t, "body", string(body))
}

func TestAllocations(t *testing.T) {
	fields := []constcache.Field{{"Content-Type", "text/html"}, {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}}
	a := answer(t, constcache.Source{Status: 200, Fields: fields, Body: page}, marked("gzip", 300), marked("zstd", 200))
	room := make([]byte, 0, 16<<10)
	for _, ask := range []constcache.Ask{
		{Minor: 1},
		{Minor: 1, Head: true},
		{Minor: 0, Close: true},
		{Minor: 1, AcceptEncoding: []byte("gzip, deflate, br;q=0.9, zstd;q=0.8, *;q=0")},
		{Minor: 1, AcceptEncoding: []byte("gzip"), IfNoneMatch: []byte(`"a", W/"b", "c"`)},
		{Minor: 1, IfModifiedSince: []byte("Sun, 06 Nov 1994 08:49:38 GMT")},
		{Minor: 1, IfModifiedSince: []byte("Sun, 06 Nov 1994 08:49:36 GMT")},
	} {
		require.Zero(t, testing.AllocsPerRun(100, func() { room = a.Append(room[:0], date, &ask) }), "%+v", ask)
	}
	var c constcache.Cell
	c.Set(a, 0, 0)
	require.Zero(t, testing.AllocsPerRun(100, func() { c.Get(1) }))
}
