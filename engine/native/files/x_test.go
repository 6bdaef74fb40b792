package files

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

var page = strings.Repeat("All happy families are alike. ", 20)

var site = map[string]string{
	"index.html":         "<p>root",
	"a.txt":              "0123456789",
	"empty.txt":          "",
	"big.bin":            strings.Repeat("0123456789abcdef", 10000), // 160,000 bytes
	"noextension":        "?",
	"sub/index.html":     "<p>sub",
	"sub/b.css":          "p{}",
	"bare/c.txt":         "c",
	"page.html":          page,
	"page.html.gz":       "gzipped",
	"page.html.zst":      "zst",
	"page.html.br":       "brotli, longer",
	"big.html":           strings.Repeat(page, 200),
	"big.html.gz":        strings.Repeat("compressed", 10000), // 100,000 bytes
	"tiny.js":            "1",
	"tiny.js.gz":         "not worth it",
	".secret":            "hidden",
	".git/config":        "hidden",
	"sub/.hidden/x.txt":  "hidden",
	"odd:name?#%25.txt":  "odd",
	"sp ace/ü.txt":       "umlaut",
	"only/nested/d.html": "d",
}

func TestAnswers(t *testing.T) {
	root := tree(t, site)
	addr := serve(t, dir(t, root, Options{CacheControl: "max-age=60"}))
	const modified = "Thu, 29 Feb 2024 12:34:56 GMT"
	for _, c := range []struct {
		name, target string
		header       []string
		status       int
		want         string // the body
		fields       map[string]string
	}{
		{"whole", "a.txt", nil, 200, "0123456789", map[string]string{"Content-Type": "text/plain; charset=utf-8", "Last-Modified": modified,
			"Cache-Control": "max-age=60", "Accept-Ranges": "bytes", "Content-Length": "10", "Vary": "", "Content-Encoding": ""}},
		{"empty", "empty.txt", nil, 200, "", map[string]string{"Content-Length": "0"}},
		{"large", "big.bin", nil, 200, site["big.bin"], map[string]string{"Content-Length": "160000", "Last-Modified": modified}},
		{"unknown type", "noextension", nil, 200, "?", map[string]string{"Content-Type": "application/octet-stream"}},
		{"query", "a.txt?x=1", nil, 200, "0123456789", nil},
		{"root", "", nil, 200, "<p>root", map[string]string{"Content-Type": "text/html; charset=utf-8"}},
		{"index by name", "index.html?q", nil, 301, "", map[string]string{"Location": "./?q"}},
		{"directory", "sub/", nil, 200, "<p>sub", nil},
		{"directory without slash", "sub?q=1", nil, 301, "", map[string]string{"Location": "./sub/?q=1"}},
		{"file with slash", "a.txt/", nil, 301, "", map[string]string{"Location": "../a.txt"}},
		{"no index", "bare/", nil, 404, "Not Found\n", map[string]string{"Last-Modified": "", "ETag": ""}},
		{"no index, no slash", "bare", nil, 404, "Not Found\n", nil},
		{"missing", "none.txt", nil, 404, "Not Found\n", map[string]string{"Cache-Control": ""}},
		{"below a file", "a.txt/b", nil, 404, "Not Found\n", nil},
		{"dotfile", ".secret", nil, 404, "Not Found\n", nil},
		{"below a dot directory", ".git/config", nil, 404, "Not Found\n", nil},
		{"dot directory below", "sub/.hidden/x.txt", nil, 404, "Not Found\n", nil},
		{"escaped", "odd:name%3F%23%2525.txt", nil, 200, "odd", nil},
		{"escaped slash", "sub%2Fb.css", nil, 200, "p{}", nil},
		{"escaped space", "sp%20ace/%C3%BC.txt", nil, 200, "umlaut", nil},

		{"one range", "a.txt", []string{"Range: bytes=2-4"}, 206, "234", map[string]string{"Content-Range": "bytes 2-4/10", "Content-Length": "3", "Content-Type": "text/plain; charset=utf-8"}},
		{"open range", "a.txt", []string{"Range: bytes=8-"}, 206, "89", map[string]string{"Content-Range": "bytes 8-9/10"}},
		{"suffix", "a.txt", []string{"Range: bytes=-3"}, 206, "789", map[string]string{"Content-Range": "bytes 7-9/10"}},
		{"large suffix", "a.txt", []string{"Range: bytes=-30"}, 206, "0123456789", map[string]string{"Content-Range": "bytes 0-9/10"}},
		{"end beyond 64 bits", "a.txt", []string{"Range: bytes=9-99999999999999999999"}, 206, "9", nil},
		{"range of a large file", "big.bin", []string{"Range: bytes=16-31"}, 206, "0123456789abcdef", map[string]string{"Content-Range": "bytes 16-31/160000"}},
		{"range larger than a copy", "big.bin", []string{"Range: bytes=1-100000"}, 206, site["big.bin"][1:100001], nil},
		{"unsatisfiable", "a.txt", []string{"Range: bytes=10-"}, 416, "Requested Range Not Satisfiable\n", map[string]string{"Content-Range": "bytes */10", "ETag": "", "Last-Modified": "", "Cache-Control": ""}},
		{"suffix of nothing", "a.txt", []string{"Range: bytes=-0"}, 416, "Requested Range Not Satisfiable\n", map[string]string{"Content-Range": "bytes */10"}},
		{"malformed", "a.txt", []string{"Range: bytes=a-b"}, 416, "Requested Range Not Satisfiable\n", nil},
		{"backwards", "a.txt", []string{"Range: bytes=5-2"}, 416, "Requested Range Not Satisfiable\n", nil},
		{"signed", "a.txt", []string{"Range: bytes=+1-2"}, 416, "Requested Range Not Satisfiable\n", nil},
		{"other unit", "a.txt", []string{"Range: lines=1-2"}, 200, "0123456789", nil},
		{"unit in capitals", "a.txt", []string{"Range: Bytes=1-2"}, 206, "12", nil},
		{"range of nothing", "empty.txt", []string{"Range: bytes=0-1"}, 200, "", nil},
		{"more than the file", "a.txt", []string{"Range: bytes=0-5,3-9"}, 200, "0123456789", nil},
		{"many ranges", "big.bin", []string{"Range: bytes=" + strings.Repeat("0-0,", 32) + "1-1"}, 200, site["big.bin"], nil},
		{"one range is left", "a.txt", []string{"Range: bytes=1-1,20-30"}, 206, "1", map[string]string{"Content-Range": "bytes 1-1/10"}},

		{"If-Range, date", "a.txt", []string{"Range: bytes=0-1", "If-Range: " + modified}, 206, "01", nil},
		{"If-Range, other date", "a.txt", []string{"Range: bytes=0-1", "If-Range: Thu, 29 Feb 2024 12:34:57 GMT"}, 200, "0123456789", nil},
		{"If-Range, other tag", "a.txt", []string{"Range: bytes=0-1", `If-Range: "x"`}, 200, "0123456789", nil},
		{"If-Range, nonsense", "a.txt", []string{"Range: bytes=0-1", "If-Range: x"}, 200, "0123456789", nil},
		{"If-Modified-Since", "a.txt", []string{"If-Modified-Since: " + modified}, 304, "", map[string]string{"Last-Modified": "", "Cache-Control": "max-age=60", "Content-Type": ""}},
		{"If-Modified-Since, before", "a.txt", []string{"If-Modified-Since: Thu, 29 Feb 2024 12:34:55 GMT"}, 200, "0123456789", nil},
		{"If-Modified-Since, nonsense", "a.txt", []string{"If-Modified-Since: x"}, 200, "0123456789", nil},
		{"If-None-Match counts first", "a.txt", []string{`If-None-Match: "x"`, "If-Modified-Since: " + modified}, 200, "0123456789", nil},
		{"If-None-Match, any", "a.txt", []string{"If-None-Match: *"}, 304, "", nil},
		{"If-Match, any", "a.txt", []string{"If-Match: *"}, 200, "0123456789", nil},
		{"If-Match, other", "a.txt", []string{`If-Match: "x"`}, 412, "Precondition Failed\n", nil},
		{"If-Unmodified-Since", "a.txt", []string{"If-Unmodified-Since: " + modified}, 200, "0123456789", nil},
		{"If-Unmodified-Since, before", "a.txt", []string{"If-Unmodified-Since: Thu, 29 Feb 2024 12:34:55 GMT"}, 412, "Precondition Failed\n", nil},
		{"If-Match counts first", "a.txt", []string{"If-Match: *", "If-Unmodified-Since: Thu, 29 Feb 2024 12:34:55 GMT"}, 200, "0123456789", nil},

		{"coding, shortest", "page.html", []string{"Accept-Encoding: gzip, br, zstd"}, 200, "zst", map[string]string{"Content-Encoding": "zstd", "Vary": "Accept-Encoding", "Content-Type": "text/html; charset=utf-8"}},
		{"coding, one", "page.html", []string{"Accept-Encoding: br"}, 200, "brotli, longer", map[string]string{"Content-Encoding": "br"}},
		{"coding, weighed", "page.html", []string{"Accept-Encoding: zstd;q=0.5, gzip"}, 200, "gzipped", map[string]string{"Content-Encoding": "gzip"}},
		{"coding, two lines", "page.html", []string{"Accept-Encoding: x", "Accept-Encoding: gzip"}, 200, "gzipped", nil},
		{"coding, none", "page.html", []string{"Accept-Encoding: identity"}, 200, page, map[string]string{"Content-Encoding": "", "Vary": "Accept-Encoding"}},
		{"coding, large", "big.html", []string{"Accept-Encoding: gzip"}, 200, site["big.html.gz"], map[string]string{"Content-Encoding": "gzip", "Content-Length": "100000", "Vary": "Accept-Encoding"}},
		{"coding, range", "page.html", []string{"Accept-Encoding: gzip", "Range: bytes=0-1"}, 206, "gz", map[string]string{"Content-Encoding": "gzip", "Content-Range": "bytes 0-1/7"}},
		{"coding, several ranges", "page.html", []string{"Accept-Encoding: gzip", "Range: bytes=0-1,3-4"}, 200, "gzipped", nil},
		{"coding not worth it", "tiny.js", []string{"Accept-Encoding: gzip"}, 200, "1", map[string]string{"Content-Encoding": "", "Vary": ""}},
		{"sibling by name", "page.html.gz", nil, 200, "gzipped", map[string]string{"Content-Encoding": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// First without an entry, then with one, then out of memory.
			for _, round := range []string{"new", "known", "kept", "ready"} {
				got := fetch(t, "GET", "http://"+addr+"/static/"+c.target, c.header...)
				require.Equal(t, c.status, got.status, round)
				require.Equal(t, c.want, got.body, round)
				for name, value := range c.fields {
					require.Equal(t, value, got.header.Get(name), "%s: %s", round, name)
				}
				if c.status == 200 || c.status == 206 || c.status == 304 {
					require.NotEmpty(t, got.header.Get("ETag"), round)
				}
				require.NotEmpty(t, got.header.Get("Date"), round)
				if c.status != 206 && c.status != 416 {
					head := fetch(t, "HEAD", "http://"+addr+"/static/"+c.target, c.header...)
					require.Equal(t, c.status, head.status, round)
					require.Empty(t, head.body)
					if c.status == 301 {
						got.header.Del("Content-Length")
					}
					got.header.Del("Date")
					head.header.Del("Date")
					require.Equal(t, got.header, head.header, round)
				}
			}
		})
	}
}

func TestTags(t *testing.T) {
	addr := serve(t, dir(t, tree(t, site), Options{}))
	tags := map[string]string{}
	for _, file := range []string{"page.html", "big.html"} {
		for _, coding := range []string{"identity", "gzip"} {
			var tag string
			for range 3 {
				got := fetch(t, "GET", "http://"+addr+"/static/"+file, "Accept-Encoding: "+coding)
				if tag != "" {
					require.Equal(t, tag, got.header.Get("ETag"), "kept or not, it is the same file")
				}
				tag = got.header.Get("ETag")
				require.True(t, tag[0] == '"')
			}
			require.NotContains(t, tags, tag)
			tags[tag] = file
			for _, c := range []struct {
				header string
				status int
			}{
				{"If-None-Match: " + tag, 304}, {"If-None-Match: W/" + tag, 304}, {`If-None-Match: "x", ` + tag, 304},
				{"If-Match: " + tag, 200}, {`If-Match: "x" , ` + tag, 200}, {"If-Match: W/" + tag, 412},
				{"If-Range: " + tag, 206}, {"If-Range: W/" + tag, 200},
			} {
				got := fetch(t, "GET", "http://"+addr+"/static/"+file, "Accept-Encoding: "+coding, c.header, "Range: bytes=0-0")
				if strings.HasPrefix(c.header, "If-Match") && c.status == 200 {
					c.status = 206
				}
				require.Equal(t, c.status, got.status, c.header)
				if c.status == 304 {
					require.Equal(t, tag, got.header.Get("ETag"))
					require.Equal(t, "Accept-Encoding", got.header.Get("Vary"))
				}
			}
		}
	}
}

func TestMethods(t *testing.T) {
	addr := serve(t, dir(t, tree(t, site), Options{}))
	got := fetch(t, "POST", "http://"+addr+"/any/a.txt")
	require.Equal(t, 405, got.status)
	require.Equal(t, "GET, HEAD", got.header.Get("Allow"))
	got = fetch(t, "POST", "http://"+addr+"/static/a.txt")
	require.Equal(t, 405, got.status)
	require.Contains(t, got.header.Get("Allow"), "GET")
	require.Equal(t, 200, fetch(t, "HEAD", "http://"+addr+"/any/a.txt").status)
}

func TestOptions(t *testing.T) {
	root := tree(t, site)
	get := func(o Options, target string, header ...string) answer {
		return fetch(t, "GET", "http://"+serve(t, dir(t, root, o))+target, header...)
	}
	require.Equal(t, "<p>root", get(Options{}, "/only").body, "a pattern without wildcards is the root")
	require.Equal(t, "0123456789", get(Options{Param: "path"}, "/static/a.txt").body)
	require.Equal(t, "c", get(Options{Index: "c.txt"}, "/static/bare/").body)
	require.Equal(t, 404, get(Options{NoIndex: true}, "/static/").status)
	require.Equal(t, "<p>root", get(Options{NoIndex: true}, "/static/index.html").body)
	require.Equal(t, "hidden", get(Options{Dotfiles: true}, "/static/.git/config").body)
	require.Equal(t, page, get(Options{NoPrecompressed: true}, "/static/page.html", "Accept-Encoding: gzip").body)
	require.Equal(t, "immutable sub/b.css", get(Options{CacheControlOf: func(name string) string { return "immutable " + name }},
		"/static/sub/b.css").header.Get("Cache-Control"))
	require.Equal(t, "0123456789", get(Options{MemoryBytesMax: -1, Revalidate: -1}, "/static/a.txt").body)

	for _, c := range []struct {
		o    Options
		text string
	}{
		{Options{Index: "a/b"}, `files: Options.Index is "a/b"`},
		{Options{Index: ".."}, `files: Options.Index is ".."`},
		{Options{Fallback: "/x"}, `files: Options.Fallback is "/x"`},
		{Options{CacheControl: "a\r\nb"}, "files: Options.CacheControl"},
		{Options{FileBytesMax: -1}, "files: Options.FileBytesMax is -1"},
	} {
		_, err := Dir(root, c.o)
		require.ErrorContains(t, err, c.text)
		require.PanicsWithValue(t, err.Error(), func() { FS(fstest.MapFS{}, c.o) })
	}
	_, err := Dir(root+"/none", Options{})
	require.ErrorContains(t, err, "files: ")
	require.Panics(t, func() { FS(nil, Options{}) })
}

func TestFallback(t *testing.T) {
	addr := serve(t, dir(t, tree(t, site), Options{Fallback: "sub/index.html"}))
	for range 3 {
		for _, c := range []struct {
			target string
			accept string
			status int
			want   string
		}{
			{"users/17", "*/*", 200, "<p>sub"},
			{"users/17/", "*/*", 200, "<p>sub"},
			{"bare/", "*/*", 200, "<p>sub"},
			{"a.txt/b", "*/*", 200, "<p>sub"},
			{"a.txt", "*/*", 200, "0123456789"},
			{"none.js", "*/*", 404, "Not Found\n"},
			{"users/j.doe", "text/html,*/*;q=0.8", 200, "<p>sub"},
			{".git/config", "text/html", 404, "Not Found\n"},
			{"a/%2e%2e/%2e%2e/x", "text/html", 404, "Not Found\n"},
		} {
			got := fetch(t, "GET", "http://"+addr+"/static/"+c.target, "Accept: "+c.accept)
			require.Equal(t, c.status, got.status, c.target)
			require.Equal(t, c.want, got.body, c.target)
			if strings.Contains(c.target, "none.js") || strings.Contains(c.target, "j.doe") {
				require.Contains(t, got.header.Values("Vary"), "Accept", c.target)
			}
		}
	}
	addr = serve(t, dir(t, tree(t, nil), Options{Fallback: "none.html"}))
	require.Equal(t, 404, fetch(t, "GET", "http://"+addr+"/static/x").status)
}

func TestList(t *testing.T) {
	root := tree(t, map[string]string{"a:b.txt": "", `x"><b>.txt`: "", "d/e": "", ".hidden": "", "ü": ""})
	addr := serve(t, dir(t, root, Options{List: true}))
	got := fetch(t, "GET", "http://"+addr+"/static/")
	require.Equal(t, 200, got.status)
	require.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
	require.Contains(t, got.body, `<a href="./a:b.txt">a:b.txt</a>
<a href="./d/">d/</a>
<a href="./x%22%3E%3Cb%3E.txt">x&#34;&gt;&lt;b&gt;.txt</a>
<a href="./%C3%BC">ü</a>
</pre>`)
	require.Equal(t, "./d/", fetch(t, "GET", "http://"+addr+"/static/d").header.Get("Location"))
	require.Contains(t, fetch(t, "GET", "http://"+serve(t, dir(t, root, Options{List: true, Dotfiles: true}))+"/static/").body, ".hidden")
}

// TestFS: files without times get tags of their content; those that cannot seek have no ranges.
func TestFS(t *testing.T) {
	fsys := fstest.MapFS{
		"a.txt":   {Data: []byte("0123456789")},
		"big.bin": {Data: []byte(site["big.bin"])},
		"old.txt": {Data: []byte("x"), ModTime: time.Unix(0, 0)},
	}
	addr := serve(t, FS(fsys, Options{}))
	for range 3 {
		got := fetch(t, "GET", "http://"+addr+"/static/a.txt", "Range: bytes=1-2")
		require.Equal(t, 206, got.status)
		require.Equal(t, "12", got.body)
		require.Empty(t, got.header.Get("Last-Modified"))
		tag := got.header.Get("ETag")
		require.NotEmpty(t, tag)
		require.Equal(t, 304, fetch(t, "GET", "http://"+addr+"/static/a.txt", "If-None-Match: "+tag).status)
		require.Empty(t, fetch(t, "GET", "http://"+addr+"/static/old.txt").header.Get("Last-Modified"))
		got = fetch(t, "GET", "http://"+addr+"/static/big.bin", "Range: bytes=17-70000")
		require.Equal(t, site["big.bin"][17:70001], got.body)
		got = fetch(t, "GET", "http://"+addr+"/static/big.bin")
		require.Equal(t, site["big.bin"], got.body)
	}
	addr = serve(t, FS(forward{fsys}, Options{MemoryBytesMax: -1}))
	got := fetch(t, "GET", "http://"+addr+"/static/big.bin", "Range: bytes=17-70000")
	require.Equal(t, 200, got.status)
	require.Equal(t, site["big.bin"], got.body)
	require.Empty(t, got.header.Get("Accept-Ranges"))
}
