package compress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
)

// serve runs a server with the routes and returns its address.
func serve(t testing.TB, rt *native.Router) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &native.Server{Router: rt}
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

// decode undoes the coding that the response names.
func decode(t testing.TB, res *http.Response, body []byte) string {
	var r io.Reader = bytes.NewReader(body)
	switch coding := res.Header.Get("Content-Encoding"); coding {
	case "":
	case "gzip":
		z, err := gzip.NewReader(r)
		require.NoError(t, err)
		r = z
	case "zstd":
		z, err := zstd.NewReader(r)
		require.NoError(t, err)
		defer z.Close()
		r = z
	default:
		t.Fatalf("coding %q", coding)
	}
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(plain)
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
		{"empty", "gzip", answer(""), "", "", "", nil},
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
			url := serve(t, rt)
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
	rt.Handle("GET /{size}", func(w *native.Response, r *native.Request) error {
		n, _ := strconv.Atoi(string(r.Param("size")))
		return w.Text(200, text(n))
	})
	url := serve(t, rt)
	for _, size := range []int{100, 3000, 60_000} {
		get, _ := ask(t, "GET", fmt.Sprintf("%s/%d", url, size), "gzip")
		head, body := ask(t, "HEAD", fmt.Sprintf("%s/%d", url, size), "gzip")
		require.Empty(t, body)
		for _, name := range []string{"Content-Type", "Content-Encoding", "Vary"} {
			require.Equal(t, get.Header[name], head.Header[name], "%d: %s", size, name)
		}
	}
}

// Constant routes have codings of their own; neither is coded twice.
func TestNeverTwice(t *testing.T) {
	rt := native.NewRouter()
	rt.Use(New(Options{Codings: []string{"gzip"}}), New(Options{Codings: []string{"gzip"}}))
	rt.Const("GET /const", func(w *native.Response, _ *native.Request) error { return w.Text(200, text(5000)) })
	rt.Handle("GET /dynamic", func(w *native.Response, _ *native.Request) error { return w.Text(200, text(5000)) })
	url := serve(t, rt)
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
			url := serve(t, rt)
			req := httptest.NewRequest("GET", url, nil)
			req.RequestURI = ""
			req.Header.Set("Accept-Encoding", coding)
			res, err := client.Do(req)
			require.NoError(t, err)
			defer res.Body.Close()
			require.Equal(t, coding, res.Header.Get("Content-Encoding"))
			var plain io.Reader
			if coding == "gzip" {
				plain, err = gzip.NewReader(res.Body)
			} else {
				plain, err = zstd.NewReader(res.Body, zstd.WithDecoderConcurrency(1))
			}
			require.NoError(t, err)
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

// However a body is cut into writes and flushes, the client reads the same.
func TestCuts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	plain := make([]byte, 40_000)
	for i := range plain {
		plain[i] = 'a' + byte(random.IntN(4))
	}
	rt := native.NewRouter()
	rt.Use(New(Options{}))
	rt.Handle("GET /{cut}/{flush}", func(w *native.Response, r *native.Request) error {
		cut, _ := strconv.Atoi(string(r.Param("cut")))
		w.Write(plain[:cut])
		if string(r.Param("flush")) == "1" {
			if err := w.Flush(); err != nil {
				return err
			}
		}
		_, err := w.Write(plain[cut:])
		return err
	})
	url := serve(t, rt)
	for cut := 0; cut <= len(plain); cut += 997 {
		for flush := range 2 {
			for _, coding := range []string{"gzip", "zstd"} {
				res, body := ask(t, "GET", fmt.Sprintf("%s/%d/%d", url, cut, flush), coding)
				require.Equal(t, string(plain), decode(t, res, body), "%d %d %s", cut, flush, coding)
			}
		}
	}
}

// A response that is cut, or whose client leaves, gives its encoder back in a state that serves the next one.
func TestAbandoned(t *testing.T) {
	rt := native.NewRouter()
	rt.Use(New(Options{}))
	rt.Handle("GET /cut", func(w *native.Response, _ *native.Request) error {
		w.WriteString(text(100_000))
		return native.ErrAbort
	})
	rt.Handle("GET /panic", func(w *native.Response, _ *native.Request) error {
		w.WriteString(text(100_000))
		w.Flush()
		panic(native.ErrAbort)
	})
	rt.Handle("GET /whole", func(w *native.Response, _ *native.Request) error { return w.Text(200, text(9000)) })
	url := serve(t, rt)
	for range 10 {
		for _, coding := range []string{"gzip", "zstd"} {
			for _, path := range []string{"/cut", "/panic"} {
				req := httptest.NewRequest("GET", url+path, nil)
				req.RequestURI = ""
				req.Header.Set("Accept-Encoding", coding)
				res, err := client.Do(req)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				require.Error(t, err, path)
			}
			res, body := ask(t, "GET", url+"/whole", coding)
			require.Equal(t, text(9000), decode(t, res, body))
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{GzipLevel: 10}, "compress: Options.GzipLevel is 10: want 1 to 9"},
		{Options{GzipLevel: -1}, "compress: Options.GzipLevel is -1: want 1 to 9"},
		{Options{ZstdLevel: 5}, "compress: Options.ZstdLevel is 5: want 1 to 4"},
		{Options{Codings: []string{"br"}}, `compress: Options.Codings: "br": want "gzip" or "zstd"`},
		{Options{Codings: []string{"gzip", "gzip"}}, `compress: Options.Codings has "gzip" twice`},
		{Options{Codings: []string{}}, "compress: Options.Codings is empty"},
		{Options{Types: []string{"text/*"}}, `compress: Options.Types: "text/*": want a media type, or the beginning of one`},
	} {
		require.PanicsWithValue(t, tt.want, func() { New(tt.o) })
	}
}

var errFull = errors.New("full")

// An encoder whose writer fails says so, and is none the worse for the next response.
func TestEncoderFails(t *testing.T) {
	c := newGzip(5)
	e := c.get()
	e.w.Reset(failing{})
	_, err := e.append(nil, []byte(text(1<<20)), true)
	require.ErrorIs(t, err, errFull)
	c.put(e)
	e = c.get()
	out, err := e.append([]byte("before"), []byte("x"), false)
	require.NoError(t, err)
	out, err = e.end(out)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(out[len("before"):]))
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, "x", string(plain))
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
