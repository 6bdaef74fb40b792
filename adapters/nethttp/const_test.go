package nethttp_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/constcache"
)

// poem is a body that gzip makes shorter, and larger than what a response may collect in the output.
var poem = strings.Repeat("From the ashes a fire shall be woken,\nA light from the shadows shall spring.\n", 600)

// constants are handlers with constant answers.
var constants = map[string]http.HandlerFunc{
	"small": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Hello, World!") },
	"poem": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
		w.Header()["x-raw"] = []string{"a", "b"}
		io.WriteString(w, poem)
	},
	"tagged": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Vary", "Origin")
		io.WriteString(w, poem[:1000])
	},
	"empty":      func(http.ResponseWriter, *http.Request) {},
	"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
	"redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", 301) },
	"not found":  func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
	"failed":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, poem, 503) },
	"content": func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.txt", time.Unix(1e9, 0), strings.NewReader(poem))
	},
	"untyped": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "Hello")
	},
	"closing": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "never")
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "Hello")
	},
}

// constantRequests are what clients ask constants.
func constantRequests() (requests []string) {
	for _, line := range []string{"GET /x HTTP/1.1", "HEAD /x HTTP/1.1", "GET /x HTTP/1.0", "HEAD /x HTTP/1.0", "POST /x HTTP/1.1", "OPTIONS /x HTTP/1.1"} {
		for _, fields := range []string{
			"", "Connection: close", "Connection: keep-alive", "Accept-Encoding: gzip", "Accept-Encoding: deflate\r\nAccept-Encoding: gzip;q=0.5",
			"Accept-Encoding: identity", "If-None-Match: *", "If-None-Match: \"v0\"\r\nIf-None-Match: W/\"v1\"", `If-None-Match: "v1"`,
			"If-None-Match: \"v1-gzip\"\r\nAccept-Encoding: gzip", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
			"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\nConnection: close", "Range: bytes=10-19", "Range: bytes=99999999-",
			"Range: bytes=0-4\r\nIf-Range: \"v1\"\r\nAccept-Encoding: gzip", "Range: bytes=0-4\r\nIf-Range: \"v1-gzip\"", `If-Match: "v1"`, `If-Match: "v0"`,
			"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT", "Content-Length: 5\r\n\r\nfive.", "Upgrade: h2c\r\nConnection: upgrade", "Expect: 200-ok",
			"Content-Length: 5\r\nExpect: 100-continue\r\n\r\nfive.", "Accept-Encoding: " + strings.Repeat("x, ", 100) + "gzip",
		} {
			if !strings.Contains(fields, "\r\n\r\n") {
				if fields != "" {
					fields += "\r\n"
				}
				fields += "\r\n"
			}
			requests = append(requests, line+"\r\nHost: x\r\n"+fields)
		}
	}
	return requests
}

// unordered makes responses comparable whose fields have another order.
func unordered(text string) string {
	pieces := strings.Split(text, "\r\n\r\n")
	for i, piece := range pieces {
		lines := strings.Split(piece, "\r\n")
		for i, line := range lines {
			if name, value, ok := strings.Cut(line, ": "); ok && strings.EqualFold(name, "ETag") || strings.EqualFold(name, "X-Raw") {
				lines[i] = strings.ToLower(name) + ": " + value // a map's keys have one spelling
			}
		}
		slices.Sort(lines)
		pieces[i] = strings.Join(lines, "\r\n")
	}
	return strings.Join(pieces, "\r\n\r\n")
}

// TestConstOracle: what goes straight into the output on our server says what net/http says of the same answer, which it
// gets field by field; with and without fields that were there before.
func TestConstOracle(t *testing.T) {
	for name, h := range constants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := nethttp.Const(h)
			before := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Before", "yes")
				w.Header().Set("ETag", "replaced")
				w.Header().Set("Vary", "Cookie")
				c.ServeHTTP(w, r)
			})
			begun := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "begun, ")
				c.ServeHTTP(w, r)
			})
			hinted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Link", "</style.css>")
				w.WriteHeader(http.StatusEarlyHints)
				w.Header().Del("Link")
				c.ServeHTTP(w, r)
			})
			for _, h := range []http.Handler{c, before, begun, hinted} {
				var addrs [2]string
				for i, k := range kinds {
					addrs[i] = running(t, k.make(withLast(h), log.New(io.Discard, "", 0)))
				}
				for _, request := range constantRequests() {
					want := unordered(talk(t, addrs[0], step{send: request + lastRequest}))
					got := unordered(talk(t, addrs[1], step{send: request + lastRequest}))
					if want != got {
						t.Errorf("%q\nwant %s\ngot  %s", request, readable(want), readable(got))
					}
				}
			}
		})
	}
}

// TestConstSame: to a client that asks for nothing special, an answer is what the handler would have said, and an ETag.
func TestConstSame(t *testing.T) {
	for name, h := range constants {
		get := func(h http.Handler) *http.Response {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
			return w.Result()
		}
		c := nethttp.Const(h)
		c.Encoders = nil
		want, got := get(h), get(c)
		require.Equal(t, want.StatusCode, got.StatusCode, name)
		wantBody, _ := io.ReadAll(want.Body)
		gotBody, _ := io.ReadAll(got.Body)
		require.Equal(t, string(wantBody), string(gotBody), name)
		for _, f := range []string{"Date", "Content-Length", "Accept-Ranges", "Etag"} {
			want.Header.Del(f)
			got.Header.Del(f)
		}
		canonical := http.Header{}
		for name, values := range want.Header {
			canonical[http.CanonicalHeaderKey(name)] = values
		}
		require.Equal(t, canonical, got.Header, name)
	}
}

// TestConstMiddleware: what changes request or response around it has its effect.
func TestConstMiddleware(t *testing.T) {
	c := nethttp.Const(constants["poem"])
	const request = "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
	written := make(chan error, 1)
	addr := running(t, kinds[1].make(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		c.ServeHTTP(w, r)
		_, err := io.WriteString(w, "more")
		written <- err
	}), log.New(io.Discard, "", 0)))
	_, body, _ := strings.Cut(talk(t, addr, step{send: request}), "\r\n\r\n")
	require.Equal(t, poem, body)
	require.ErrorIs(t, <-written, http.ErrContentLength)
}

func TestConstGzip(t *testing.T) {
	c := nethttp.Const(constants["poem"])
	c.Encoders = append(c.Encoders, constcache.Encoder{Name: "best", Encode: func([]byte) ([]byte, error) { return []byte("tiny"), nil }})
	addr := running(t, kinds[1].make(c, log.Default()))
	got := talk(t, addr, step{send: "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br\r\nConnection: close\r\n\r\n"})
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	z, err := gzip.NewReader(strings.NewReader(body))
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, poem, string(plain))
	got = talk(t, addr, step{send: "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, best\r\nConnection: close\r\n\r\n"})
	require.True(t, strings.HasSuffix(got, "\r\n\r\ntiny"), got)
}

// TestConstPipelined: answers of several sizes stand one behind the other.
func TestConstPipelined(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/small", nethttp.Const(constants["small"]))
	mux.Handle("/poem", nethttp.Const(constants["poem"]))
	var addrs [2]string
	for i, k := range kinds {
		addrs[i] = running(t, k.make(withLast(mux), log.Default()))
	}
	request := strings.Repeat("GET /small HTTP/1.1\r\nHost: x\r\n\r\nGET /poem HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"+
		"GET /poem HTTP/1.1\r\nHost: x\r\n\r\nHEAD /poem HTTP/1.1\r\nHost: x\r\n\r\n", 20)
	want := unordered(talk(t, addrs[0], step{send: request + lastRequest}))
	got := unordered(talk(t, addrs[1], step{send: request + lastRequest}))
	require.Equal(t, readable(want), readable(got))
}

// TestConstKeepAlivesOff: the server's own wish to end connections is obeyed.
func TestConstKeepAlivesOff(t *testing.T) {
	for _, k := range kinds {
		s := k.make(nethttp.Const(constants["small"]), log.Default())
		s.SetKeepAlivesEnabled(false)
		got := talk(t, running(t, s), step{send: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"})
		require.Contains(t, got, "\r\nConnection: close\r\n", k.name)
	}
}

// A constant takes three allocations: the request, its head, and a map, which Host alone does not fill.
func TestConstAllocationBudget(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget on purpose")
	}
	c := nethttp.Const(constants["small"])
	for _, r := range []struct {
		name, request string
		most          float64
	}{
		{"Host alone", plainRequest, 3},
		{"a browser's fields", browserRequest, 4},
	} {
		a := ask(t, running(t, kinds[1].make(c, log.Default())), r.request, 16)
		for range 100 {
			a.once(t)
		}
		const rounds = 1000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			a.once(t)
		}
		runtime.ReadMemStats(&after)
		each := float64(after.Mallocs-before.Mallocs) / (rounds * 16)
		require.LessOrEqual(t, each, r.most+0.2, r.name)
	}
}

func BenchmarkConst(b *testing.B) {
	mux := http.NewServeMux()
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(helloWorld)
	})
	mux.Handle("/handler", h)
	mux.Handle("/plaintext", nethttp.Const(h))
	for _, path := range []string{"/handler", "/plaintext"} {
		for _, pipelined := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", strings.Trim(path, "/"), pipelined), func(b *testing.B) {
				request := string(bytes.ReplaceAll([]byte(plainRequest), []byte("/plaintext"), []byte(path)))
				a := ask(b, running(b, kinds[1].make(mux, log.Default())), request, pipelined)
				b.ReportAllocs()
				for b.Loop() {
					a.once(b)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pipelined), "ns/request")
			})
		}
	}
}
