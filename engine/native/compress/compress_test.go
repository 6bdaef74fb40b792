package compress

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
)

// serve runs a server with the routes and returns its address.
func serve(t testing.TB, rt *native.Router, transport string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &native.Server{Router: rt, Transport: transport, Logger: quiet()}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		require.ErrorIs(t, <-done, native.ErrServerClosed)
	})
	return "http://" + l.Addr().String()
}

var client = &http.Client{Transport: &http.Transport{DisableCompression: true}}

func ask(t testing.TB, method, url, accept string) (*http.Response, []byte) {
	req, err := http.NewRequest(method, url, nil)
	require.NoError(t, err)
	if accept != "" {
		req.Header.Set("Accept-Encoding", accept)
	}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, body
}

// whole decodes zstd at once: one decoder for all, which takes some MiB.
var whole, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))

// decode undoes the coding that the response names.
func decode(t testing.TB, res *http.Response, body []byte) string {
	if res.Header.Get("Content-Encoding") == "zstd" {
		plain, err := whole.DecodeAll(body, nil)
		require.NoError(t, err)
		return string(plain)
	}
	plain, err := io.ReadAll(decoder(t, res.Header.Get("Content-Encoding"), bytes.NewReader(body)))
	require.NoError(t, err)
	return string(plain)
}

func decoder(t testing.TB, coding string, r io.Reader) io.Reader {
	switch coding {
	case "":
	case "gzip":
		z, err := gzip.NewReader(r)
		require.NoError(t, err)
		return z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		require.NoError(t, err)
		t.Cleanup(z.Close)
		return z
	default:
		t.Fatalf("coding %q", coding)
	}
	return r
}

func text(n int) string { return strings.Repeat("All work and no play. ", n/22+1)[:n] }

func TestCoding(t *testing.T) {
	long := text(5000)
	answer := func(body string, fields ...string) native.Handler {
		return func(w *native.Response, _ *native.Request) error {
			for i := 0; i < len(fields); i += 2 {
				w.Set(fields[i], fields[i+1])
			}
			_, err := w.WriteString(body)
			return err
		}
	}
	flushed := func(h native.Handler, fields ...string) native.Handler {
		return func(w *native.Response, r *native.Request) error {
			for i := 0; i < len(fields); i += 2 {
				w.Set(fields[i], fields[i+1])
			}
			if err := w.Flush(); err != nil {
				return err
			}
			return h(w, r)
		}
	}
	for _, tt := range []struct {
		name, accept string
		h            native.Handler
		coding, vary string
		plain        string
		check        func(*testing.T, *http.Response)
	}{
		{"gzip", "gzip", answer(long), "gzip", "Accept-Encoding", long, nil},
		{"zstd is preferred", "gzip, zstd", answer(long), "zstd", "Accept-Encoding", long, nil},
		{"the client prefers", "gzip, zstd;q=0.5", answer(long), "gzip", "Accept-Encoding", long, nil},
		{"any", "*", answer(long), "zstd", "Accept-Encoding", long, nil},
		{"any but", "*, zstd;q=0", answer(long), "gzip", "Accept-Encoding", long, nil},
		{"identity is liked better", "identity, gzip;q=0.5", answer(long), "", "Accept-Encoding", long, nil},
		{"nothing asked", "", answer(long), "", "Accept-Encoding", long, nil},
		{"something else asked", "br", answer(long), "", "Accept-Encoding", long, nil},
		{"nonsense asked", ";;,=,gzip;q=9", answer(long), "", "Accept-Encoding", long, nil},
		{"small", "gzip", answer(text(1023)), "", "", text(1023), nil},
		{"just large enough", "gzip", answer(text(1024)), "gzip", "Accept-Encoding", text(1024), nil},
		{"json", "gzip", answer(long, "Content-Type", "Application/JSON; charset=utf-8"), "gzip", "Accept-Encoding", long, nil},
		{"image", "gzip", answer(long, "Content-Type", "image/png"), "", "", long, nil},
		{"coded already", "gzip", answer(long, "Content-Encoding", "br"), "br", "", "", nil},
		{"no-transform", "gzip", answer(long, "Cache-Control", "public, no-transform"), "", "", long, nil},
		{"a part", "gzip", answer(long, "Content-Range", "bytes 0-4999/9000"), "", "", long, nil},
		{"varies already", "gzip", answer(long, "Vary", "Origin, accept-encoding"), "gzip", "Origin, accept-encoding", long, nil},
		{"varies otherwise", "gzip", answer(long, "Vary", "Origin"), "gzip", "Origin, Accept-Encoding", long, nil},
		{"varies in all", "gzip", answer(long, "Vary", "*"), "gzip", "*", long, nil},
		{"strong tag", "gzip", answer(long, "ETag", `"a"`), "gzip", "Accept-Encoding", long,
			func(t *testing.T, res *http.Response) { require.Equal(t, `W/"a"`, res.Header.Get("ETag")) }},
		{"weak tag", "gzip", answer(long, "ETag", `W/"a"`), "gzip", "Accept-Encoding", long,
			func(t *testing.T, res *http.Response) { require.Equal(t, `W/"a"`, res.Header.Get("ETag")) }},
		{"tag of what is not coded", "br", answer(long, "ETag", `"a"`), "", "Accept-Encoding", long,
			func(t *testing.T, res *http.Response) { require.Equal(t, `"a"`, res.Header.Get("ETag")) }},
		{"declared length", "gzip", answer(long, "Content-Length", "5000"), "gzip", "Accept-Encoding", long,
			func(t *testing.T, res *http.Response) { require.Less(t, res.ContentLength, int64(1000)) }},
		{"streamed", "gzip", answer(text(100_000)), "gzip", "Accept-Encoding", text(100_000),
			func(t *testing.T, res *http.Response) { require.Equal(t, []string{"chunked"}, res.TransferEncoding) }},
		{"streamed with a length", "zstd", answer(text(100_000), "Content-Length", "100000"), "zstd", "Accept-Encoding", text(100_000), nil},
		{"declared small, then flushed", "gzip", flushed(answer(text(1000)), "Content-Length", "1000"), "", "", text(1000), nil},
		{"small and flushed: nobody knows", "gzip", flushed(answer("abc")), "gzip", "Accept-Encoding", "abc", nil},
		{"identity is refused", "identity;q=0, gzip;q=0.1", answer(long), "gzip", "Accept-Encoding", long, nil},
		{"identity is refused, of a small one", "identity;q=0, gzip", answer("abc"), "", "", "abc", nil},
		{"everything is refused", "*;q=0", answer(long), "", "Accept-Encoding", long, nil},
		{"nothing that there is", "identity;q=0, br", answer(long), "", "Accept-Encoding", long, nil},
		{"by its old name", "X-GZIP", answer(long), "gzip", "Accept-Encoding", long, nil},
		{"asked at length", strings.Repeat("gzip;q=0.5,", 1000) + "zstd;q=0.6", answer(long), "zstd", "Accept-Encoding", long, nil},
		{"+json", "gzip", answer(long, "Content-Type", "application/problem+json"), "gzip", "Accept-Encoding", long, nil},
		{"svg", "gzip", answer(long, "Content-Type", "image/svg+xml;charset=utf-8"), "gzip", "Accept-Encoding", long, nil},
		{"events", "gzip", answer(long, "Content-Type", "text/event-stream"), "", "", long, nil},
		{"no-transform in its second line", "gzip", func(w *native.Response, r *native.Request) error {
			w.Add("Cache-Control", "public")
			w.Add("Cache-Control", "No-Transform")
			return answer(long)(w, r)
		}, "", "", long, nil},
		{"varies in its second line", "gzip", func(w *native.Response, r *native.Request) error {
			w.Add("Vary", "Origin")
			w.Add("Vary", "Accept-encoding")
			return answer(long)(w, r)
		}, "gzip", "Origin, Accept-encoding", long, nil},
		{"digest", "gzip", answer(long, "Repr-Digest", "sha-256=:AA==:"), "", "", long, nil},
		{"ranges offered", "gzip", answer(long, "Accept-Ranges", "bytes"), "gzip", "Accept-Encoding", long,
			func(t *testing.T, res *http.Response) { require.Empty(t, res.Header.Values("Accept-Ranges")) }},
		{"empty", "gzip", answer(""), "", "", "", nil},
		{"empty, with a type", "gzip", answer("", "Content-Type", "text/html"), "", "", "", nil},
		{"no content", "gzip", func(w *native.Response, _ *native.Request) error { return w.Empty(204) }, "", "", "", nil},
		{"error", "gzip", func(w *native.Response, _ *native.Request) error {
			w.WriteString(long)
			return native.Errorf(404, "gone")
		}, "", "", "gone\n", nil},
		{"panic", "gzip", func(w *native.Response, _ *native.Request) error {
			w.WriteString(long)
			panic(native.Errorf(500, "x"))
		}, "", "", "Internal Server Error\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rt := native.NewRouter()
			rt.Use(New(Options{}))
			rt.Handle("GET /", tt.h)
			url := serve(t, rt, "")
			for range 3 { // encoders are used again
				res, body := ask(t, "GET", url, tt.accept)
				require.Equal(t, tt.coding, res.Header.Get("Content-Encoding"))
				require.Equal(t, tt.vary, strings.Join(res.Header.Values("Vary"), ", "))
				if tt.coding != "br" {
					require.Equal(t, tt.plain, decode(t, res, body))
				}
				if tt.check != nil {
					tt.check(t, res)
				}
			}
		})
	}
}

// The fields of HEAD are those of GET, but for the length, which nobody knows without coding the body.
func TestHead(t *testing.T) {
	rt := native.NewRouter()
	rt.Use(New(Options{}))
	rt.Handle("GET /written/{size}", func(w *native.Response, r *native.Request) error {
		n, _ := strconv.Atoi(string(r.Param("size")))
		w.Set("ETag", `"x"`)
		return w.Text(200, text(n))
	})
	rt.Handle("GET /flushed/{size}", func(w *native.Response, r *native.Request) error {
		n, _ := strconv.Atoi(string(r.Param("size")))
		for range n {
			w.WriteString("x")
			w.Flush()
		}
		return nil
	})
	rt.Handle("GET /declared/{size}", func(w *native.Response, r *native.Request) error {
		n, _ := strconv.Atoi(string(r.Param("size")))
		w.Set("Content-Length", string(r.Param("size")))
		if string(r.Method()) == "HEAD" {
			return nil
		}
		return w.Text(200, text(n))
	})
	url := serve(t, rt, "")
	for _, path := range []string{"/written/0", "/written/100", "/written/3000", "/written/60000", "/flushed/3", "/declared/0",
		"/declared/100", "/declared/3000", "/declared/60000"} {
		get, _ := ask(t, "GET", url+path, "gzip")
		head, body := ask(t, "HEAD", url+path, "gzip")
		require.Empty(t, body)
		for _, name := range []string{"Content-Encoding", "Vary", "ETag"} {
			require.Equal(t, get.Header[name], head.Header[name], "%s: %s", path, name)
		}
	}
}

// A HEAD whose handler says neither type nor length may have any GET: what is not known is not said, but Vary is.
func TestHeadUnwritten(t *testing.T) {
	rt := native.NewRouter()
	rt.Use(New(Options{}))
	rt.Handle("GET /typed", func(w *native.Response, _ *native.Request) error { w.Set("Content-Type", "text/css"); return nil })
	rt.Handle("GET /bare", func(w *native.Response, _ *native.Request) error { return w.Redirect(302, "/") })
	url := serve(t, rt, "")
	res, _ := ask(t, "HEAD", url+"/typed", "gzip")
	require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
	require.Empty(t, res.Header.Get("Content-Encoding"))
	req, err := http.NewRequest("HEAD", url+"/bare", nil)
	require.NoError(t, err)
	res, err = client.Transport.RoundTrip(req)
	require.NoError(t, err)
	require.Empty(t, res.Header.Get("Vary"))
}

// 304 has the tag that 200 has had, which for a coded body is weak, and its Vary.
func TestUnchanged(t *testing.T) {
	rt := native.NewRouter()
	rt.Use(New(Options{}))
	h := func(contentType string) native.Handler {
		return func(w *native.Response, r *native.Request) error {
			w.Set("ETag", `"v1"`)
			if contentType != "" {
				w.Set("Content-Type", contentType)
			}
			if bytes.Contains(r.Header("If-None-Match"), []byte(`"v1"`)) {
				return w.Empty(304)
			}
			return w.Text(200, text(5000))
		}
	}
	rt.Handle("GET /bare", h(""))
	rt.Handle("GET /typed", h("text/html"))
	rt.Handle("GET /image", h("image/png"))
	url := serve(t, rt, "")
	for _, tt := range []struct{ path, accept, tag, vary string }{
		{"/bare", "gzip", `W/"v1"`, "Accept-Encoding"},
		{"/typed", "zstd", `W/"v1"`, "Accept-Encoding"},
		{"/typed", "", `"v1"`, "Accept-Encoding"},
		{"/image", "gzip", `"v1"`, ""},
	} {
		res, _ := ask(t, "GET", url+tt.path, tt.accept)
		require.Equal(t, tt.tag, res.Header.Get("ETag"), tt)
		require.Equal(t, tt.vary, res.Header.Get("Vary"), tt)
		req, err := http.NewRequest("GET", url+tt.path, nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Encoding", tt.accept)
		req.Header.Set("If-None-Match", `"other", `+tt.tag)
		again, err := client.Do(req)
		require.NoError(t, err)
		require.Equal(t, 304, again.StatusCode)
		require.Equal(t, tt.tag, again.Header.Get("ETag"), tt)
		require.Equal(t, tt.vary, again.Header.Get("Vary"), tt)
		require.Empty(t, again.Header.Get("Content-Encoding"))
	}
}

// A file that is not worth it, or not wanted coded, is sent as without the middleware; others are coded as they are read.
func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(text(300_000)), 0o600))
	rt := native.NewRouter()
	rt.Use(New(Options{}))
	rt.Handle("GET /{type}", func(w *native.Response, r *native.Request) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		w.Set("Content-Type", string(r.Param("type"))+"/x")
		return w.SendFile(f, -1)
	})
	rt.Handle("GET /short", func(w *native.Response, _ *native.Request) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return w.SendFile(f, 300_001)
	})
	url := serve(t, rt, "")
	for _, tt := range []struct{ kind, accept, coding string }{
		{"text", "gzip", "gzip"}, {"text", "zstd", "zstd"}, {"text", "", ""}, {"image", "gzip", ""},
	} {
		res, body := ask(t, "GET", url+"/"+tt.kind, tt.accept)
		require.Equal(t, tt.coding, res.Header.Get("Content-Encoding"))
		require.Equal(t, text(300_000), decode(t, res, body))
		if tt.coding == "" {
			require.Equal(t, int64(300_000), res.ContentLength)
		}
	}
	for _, accept := range []string{"gzip", ""} {
		require.Error(t, fails(t, url+"/short", accept), accept)
	}
}

// A body that is shorter than its handler has declared does not look complete because it is coded.
func TestShort(t *testing.T) {
	for _, size := range []int{2000, 100_000} {
		rt := native.NewRouter()
		rt.Use(New(Options{}))
		rt.Handle("GET /", func(w *native.Response, _ *native.Request) error {
			w.Set("Content-Length", strconv.Itoa(size+1))
			return w.Text(200, text(size))
		})
		url := serve(t, rt, "")
		for _, accept := range []string{"", "gzip", "zstd"} {
			require.Error(t, fails(t, url, accept), "%d %s", size, accept)
		}
	}
}

// fails asks for a response that is cut and returns the error.
func fails(t testing.TB, url, accept string) error {
	req, err := http.NewRequest("GET", url, nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", accept)
	res, err := client.Do(req)
	if err == nil {
		defer res.Body.Close()
		_, err = io.ReadAll(res.Body)
	}
	return err
}

// Constant routes have codings of their own; neither is coded twice.
func TestNeverTwice(t *testing.T) {
	rt := native.NewRouter()
	rt.Use(New(Options{Codings: []string{"gzip"}}), New(Options{Codings: []string{"gzip"}}))
	rt.Const("GET /const", func(w *native.Response, _ *native.Request) error { return w.Text(200, text(5000)) })
	rt.Handle("GET /dynamic", func(w *native.Response, _ *native.Request) error { return w.Text(200, text(5000)) })
	url := serve(t, rt, "")
	for _, path := range []string{"/const", "/dynamic"} {
		res, body := ask(t, "GET", url+path, "gzip")
		require.Equal(t, []string{"gzip"}, res.Header["Content-Encoding"], path)
		require.Equal(t, []string{"Accept-Encoding"}, res.Header["Vary"], path)
		require.Equal(t, text(5000), decode(t, res, body), path)
	}
}

// What was written before a Flush can be read after it, while the handler still runs.
func TestFlush(t *testing.T) {
	for _, coding := range []string{"gzip", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			step := make(chan bool)
			rt := native.NewRouter()
			rt.Use(New(Options{}))
			rt.Handle("GET /", func(w *native.Response, _ *native.Request) error {
				for i := range 5 {
					fmt.Fprintf(w, "line %d\n", i)
					if err := w.Flush(); err != nil {
						return err
					}
					<-step
				}
				return nil
			})
			url := serve(t, rt, "")
			req := httptest.NewRequest("GET", url, nil)
			req.RequestURI = ""
			req.Header.Set("Accept-Encoding", coding)
			res, err := client.Do(req)
			require.NoError(t, err)
			defer res.Body.Close()
			require.Equal(t, coding, res.Header.Get("Content-Encoding"))
			plain := decoder(t, coding, res.Body)
			for i := range 5 {
				want := fmt.Sprintf("line %d\n", i)
				got := make([]byte, len(want))
				_, err := io.ReadFull(plain, got)
				require.NoError(t, err)
				require.Equal(t, want, string(got))
				step <- true
			}
			rest, err := io.ReadAll(plain)
			require.NoError(t, err)
			require.Empty(t, rest)
		})
	}
}

func TestBadOptions(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{GzipLevel: 10}, "compress: Options.GzipLevel is 10: want 1 to 9"},
		{Options{GzipLevel: -1}, "compress: Options.GzipLevel is -1: want 1 to 9"},
		{Options{SizeMin: -1}, "compress: Options.SizeMin is -1: want 1 to 1073741824"},
		{Options{EncodersMax: -1}, "compress: Options.EncodersMax is -1: want 1 to 1073741824"},
		{Options{ZstdLevel: 5}, "compress: Options.ZstdLevel is 5: want 1 to 4"},
		{Options{Codings: []string{"br"}}, `compress: Options.Codings: "br": want "gzip" or "zstd"`},
		{Options{Codings: []string{"gzip", "gzip"}}, `compress: Options.Codings has "gzip" twice`},
		{Options{Codings: []string{}}, "compress: Options.Codings is empty"},
		{Options{Types: []string{"text/*"}}, `compress: Options.Types: "text/*": want a media type, or a group of them like "text/" or "+json"`},
		{Options{Types: []string{"text"}}, `compress: Options.Types: "text": want a media type, or a group of them like "text/" or "+json"`},
		{Options{Types: []string{""}}, `compress: Options.Types: "": want a media type, or a group of them like "text/" or "+json"`},
	} {
		require.PanicsWithValue(t, tt.want, func() { New(tt.o) })
	}
}
