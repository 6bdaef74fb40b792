package files

import (
	"fmt"
	"io"
	"math/rand"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/constcache"
)

// TestFileServer: generated requests are answered as net/http's FileServer answers them. What is different on purpose is
// left out or evened out here: the package's comment lists it.
func TestFileServer(t *testing.T) {
	root := tree(t, map[string]string{
		"index.html": "<p>root", "a.txt": "0123456789", "empty.txt": "", "big.bin": strings.Repeat("0123456789abcdef", 8192),
		"sub/index.html": "<p>sub", "sub/b.css": "p{}", "sub/deep/c.json": "{}", "sp ace.txt": "space", "q?.txt": "q",
	})
	ours := "http://" + serve(t, dir(t, root, Options{}))
	twin := httptest.NewServer(http.StripPrefix("/static/", http.FileServer(http.Dir(root))))
	defer twin.Close()

	random := rand.New(rand.NewSource(1))
	pick := func(list ...string) string { return list[random.Intn(len(list))] }
	number := func() string { return pick("0", "1", "5", "9", "10", "11", "100", "131071", "131072", "200000") }
	spec := func() string {
		return pick(number()+"-", number()+"-"+number(), number()+"-"+number(), "-1", "-5", "-"+pick("10", "999999"), "", " 1-2 ", "x", "1", "-", "--1")
	}
	dates := []string{"Thu, 29 Feb 2024 12:34:56 GMT", "Thu, 29 Feb 2024 12:34:55 GMT", "Thu, 29 Feb 2024 12:34:57 GMT",
		"Thursday, 29-Feb-24 12:34:56 GMT", "Thu Feb 29 12:34:56 2024", "yesterday", ""}
	for i := range 4000 {
		target := "/static/" + pick("", "index.html", "a.txt", "a.txt", "empty.txt", "big.bin", "sub", "sub/", "sub/index.html", "sub/b.css",
			"sub/deep/c.json", "none", "none/", "a.txt/", "a.txt/x", "sub/deep/c.json/", "sp%20ace.txt", "q%3F.txt", "sub%2fb.css", "a.txt%00")
		if random.Intn(8) == 0 {
			target += "?x=1"
		}
		var header []string
		if random.Intn(2) == 0 && !strings.Contains(target, "empty") { // of which it sends "bytes 0--1/0"
			specs := []string{spec()}
			for random.Intn(2) == 0 {
				specs = append(specs, spec())
			}
			header = append(header, "Range: bytes="+strings.Join(specs, ","))
		}
		for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
			if random.Intn(4) == 0 {
				header = append(header, name+": "+pick(dates...))
			}
		}
		for _, name := range []string{"If-None-Match", "If-Match"} {
			if random.Intn(12) == 0 {
				header = append(header, name+": "+pick("*", `"x"`, `W/"x", "y"`, "x", ""))
			}
		}
		method := "GET"
		if random.Intn(5) == 0 && !strings.Contains(strings.Join(header, "\n"), "Range: bytes") {
			method = "HEAD"
		}
		got, want := fetch(t, method, ours+target, header...), fetch(t, method, twin.URL+target, header...)
		say := fmt.Sprintf("request %d: %s %s %q", i, method, target, header)
		if want.status == 500 && strings.Contains(target, "%00") {
			want.status = 404 // a name that cannot be is not our fault
		}
		require.Equal(t, want.status, got.status, say)
		for _, name := range []string{"Content-Type", "Content-Range", "Last-Modified", "Accept-Ranges", "Content-Length"} {
			switch {
			case want.status == 416 && name == "Content-Range" && want.header.Get(name) == "":
				continue // it is said of malformed ranges too
			case want.status >= 400 && name != "Content-Range", want.status == 301:
				continue // the texts of errors are ours
			case want.status == 304 && (name == "Last-Modified" || name == "Accept-Ranges"):
				continue // we have ETags, and what holds of the file is said here too
			case name == "Content-Length" && method == "HEAD" && want.header.Get(name) == "":
				continue
			}
			w, g := want.header.Get(name), got.header.Get(name)
			if strings.HasPrefix(w, "multipart/byteranges") || name == "Content-Length" && strings.HasPrefix(got.header.Get("Content-Type"), "multipart/") {
				continue // boundaries are random
			}
			require.Equal(t, w, g, "%s: %s", say, name)
		}
		require.Equal(t, resolved(t, target, want), resolved(t, target, got), say)
		if want.status < 300 {
			require.Equal(t, parts(t, want), parts(t, got), say)
		}
	}
}

// resolved returns where a redirect leads.
func resolved(t *testing.T, target string, a answer) string {
	location := a.header.Get("Location")
	if location == "" {
		return ""
	}
	from, err := url.Parse("http://h" + target)
	require.NoError(t, err)
	to, err := from.Parse(location)
	require.NoError(t, err)
	return to.String()
}

// parts returns the body, or the heads and bodies of its parts.
func parts(t *testing.T, a answer) (list []string) {
	mediaType, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	require.NoError(t, err)
	if mediaType != "multipart/byteranges" {
		return []string{a.body}
	}
	r := multipart.NewReader(strings.NewReader(a.body), params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return list
		}
		require.NoError(t, err)
		body, err := io.ReadAll(p)
		require.NoError(t, err)
		list = append(list, fmt.Sprint(p.Header), string(body))
	}
}

// TestRangesOracle: http.ServeContent judges single ranges of a file of every small size.
func TestRangesOracle(t *testing.T) {
	for size := int64(1); size < 5; size++ { // of nothing it makes "bytes 0--1/0"
		content := "0123456789"[:size]
		for _, set := range []string{"0-", "1-", "0-0", "0-1", "1-2", "3-9", "4-4", "5-", "-1", "-2", "-9", "2-1", "0-0,1-1", "0-0,0-", "9-,0-0", ",", ""} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Range", "bytes="+set)
			rec := httptest.NewRecorder()
			http.ServeContent(rec, r, "x.txt", longAgo, strings.NewReader(content))
			spans, outcome := parseRanges("bytes="+set, size)
			switch {
			case rec.Code == 200:
				require.Equal(t, whole, outcome, "%s of %d", set, size)
			case rec.Code == 416:
				require.Equal(t, unsatisfiable, outcome, "%s of %d", set, size)
			case len(spans) == 1:
				require.Equal(t, rec.Header().Get("Content-Range"), spans[0].contentRange(size), "%s of %d", set, size)
				require.Equal(t, rec.Body.String(), content[spans[0].start:spans[0].start+spans[0].length])
			default:
				require.Equal(t, partial, outcome)
				require.Contains(t, rec.Header().Get("Content-Type"), "multipart/byteranges")
			}
		}
	}
}

// TestSelected: the representation that is selected is the one that a ready answer selects, for all fields of up to three
// elements.
func TestSelected(t *testing.T) {
	root := tree(t, map[string]string{"page.html": page, "page.html.gz": "gzipped", "page.html.zst": "zst", "page.html.br": "brotli"})
	h := &handler{Options: Options{FileBytesMax: 1 << 20, MemoryBytesMax: 1 << 20, CacheControlOf: func(string) string { return "" }}, fsys: os.DirFS(root)}
	e, err := h.load("page.html", "page.html", true)
	require.NoError(t, err)
	require.NotNil(t, e.answer)
	var elements []string
	for _, name := range []string{"", "gzip", "x-gzip", "BR", "zstd", "identity", "*", "deflate"} {
		for _, weight := range []string{"", ";q=0", "; q=0.5", ";q=0.501", ";q=2", ";q=1.000", ";x"} {
			elements = append(elements, name+weight)
		}
	}
	for _, a := range elements {
		for _, b := range elements {
			for _, c := range []string{"", ",gzip", ", *;q=0", ",identity;q=0.7"} {
				accept := a + " ," + b + c
				_, _, body := e.answer.Parts(&constcache.Ask{Minor: 1, AcceptEncoding: []byte(accept)})
				require.Equal(t, string(body), string(e.selected(accept).body), accept)
			}
		}
	}
}
