package nethttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
			for _, h := range []http.Handler{c, before} {
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

// TestConstRunsOnce: of many that ask at first, one has the handler run, and all get what it says.
func TestConstRunsOnce(t *testing.T) {
	var runs atomic.Int32
	release := make(chan struct{})
	c := nethttp.Const(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs.Add(1)
		<-release
		fmt.Fprintf(w, "%s %s %s %s %v %v %v %s", r.Method, r.RequestURI, r.URL, r.Host, r.Header, r.RemoteAddr, r.Context().Value(secret{}), r.Form)
	}))
	inside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), secret{}, "secret")))
	})
	addr := running(t, kinds[1].make(inside, log.New(io.Discard, "", 0)))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			got := talk(t, addr, step{send: fmt.Sprintf("GET /a%%20b?client=%d HTTP/1.1\r\nHost: client%d\r\nCookie: secret\r\nConnection: close\r\n\r\n", i, i)})
			_, body, _ := strings.Cut(got, "\r\n\r\n")
			require.Equal(t, "GET /a%20b /a%20b localhost map[]  <nil> map[]", body)
		})
	}
	for runs.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond) // so that others come to wait
	close(release)
	all.Wait()
	require.EqualValues(t, 1, runs.Load())
}

type secret struct{}

// counted returns a handler that says how often it has run, and a function that asks it.
func counted(c **nethttp.Constant, h http.HandlerFunc) (get func(path string) (status int, body string)) {
	*c = nethttp.Const(h)
	return func(path string) (int, string) {
		w := httptest.NewRecorder()
		(*c).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
}

func TestConstInvalidate(t *testing.T) {
	runs := 0
	var c *nethttp.Constant
	get := counted(&c, func(w http.ResponseWriter, r *http.Request) { runs++; fmt.Fprint(w, r.URL.Path, runs) })
	for _, want := range []string{"/a1", "/a1"} {
		_, body := get("/a")
		require.Equal(t, want, body)
	}
	_, body := get("/b?query")
	require.Equal(t, "/b2", body, "each path has its answer")
	c.Invalidate()
	_, body = get("/a")
	require.Equal(t, "/a3", body)
	_, body = get("/b")
	require.Equal(t, "/b4", body)
}

// TestConstInvalidateMeanwhile: what is being made when Invalidate is called is for those who asked before.
func TestConstInvalidateMeanwhile(t *testing.T) {
	var c *nethttp.Constant
	version := "old"
	get := counted(&c, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, version)
		if version == "old" {
			version = "new"
			c.Invalidate()
		}
	})
	_, body := get("/")
	require.Equal(t, "old", body)
	_, body = get("/")
	require.Equal(t, "new", body)
}

// TestConstTTL: when an answer has aged, one request has it made anew, and the others get the old one without waiting.
func TestConstTTL(t *testing.T) {
	var runs atomic.Int32
	making, release := make(chan struct{}), make(chan struct{})
	var c *nethttp.Constant
	get := counted(&c, func(w http.ResponseWriter, _ *http.Request) {
		n := runs.Add(1)
		if n == 2 {
			close(making)
			<-release
		}
		fmt.Fprint(w, n)
	})
	c.TTL = time.Nanosecond
	_, body := get("/")
	require.Equal(t, "1", body)
	second := make(chan string)
	go func() {
		_, body := get("/")
		second <- body
	}()
	<-making
	for range 10 {
		_, body = get("/")
		require.Equal(t, "1", body)
	}
	close(release)
	require.Equal(t, "2", <-second)
	_, body = get("/")
	require.Equal(t, "3", body)

	c.TTL = time.Hour
	_, first := get("/")
	_, again := get("/")
	require.Equal(t, first, again)
}

// TestConstFailures: what cannot be kept is not, and the next request tries again.
func TestConstFailures(t *testing.T) {
	var out lines
	ok := func(w http.ResponseWriter) { io.WriteString(w, "at last") }
	for _, f := range []struct {
		name   string
		fail   func(w http.ResponseWriter)
		status int
		log    string
	}{
		{"503", func(w http.ResponseWriter) { w.WriteHeader(503); io.WriteString(w, "busy") }, 503, ""},
		{"cookie", func(w http.ResponseWriter) { http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"}) }, 500, "sets a cookie"},
		{"CR LF", func(w http.ResponseWriter) { w.Header().Set("X", "a\r\nb: c") }, 500, "field X: control character"},
		{"ETag", func(w http.ResponseWriter) { w.Header().Set("ETag", "v1") }, 500, "field Etag"},
		{"206", func(w http.ResponseWriter) { w.WriteHeader(206) }, 500, "status 206"},
		{"101", func(w http.ResponseWriter) { w.WriteHeader(101) }, 500, "101 is not a final status"},
		{"trailer", func(w http.ResponseWriter) { w.Header().Set("Trailer", "X") }, 500, "field Trailer"},
		{"too short", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "5"); io.WriteString(w, "four") }, 500, "Content-Length is 5, and the body has 4"},
		{"too long", func(w http.ResponseWriter) {
			piece := make([]byte, 1<<20)
			var err error
			for i := 0; err == nil && i < 1000; i++ {
				_, err = w.Write(piece)
			}
		}, 500, "the body is longer than"},
	} {
		runs := 0
		var c *nethttp.Constant
		get := counted(&c, nil)
		c = nethttp.Const(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if runs++; runs <= 2 {
				f.fail(w)
				return
			}
			ok(w)
		}))
		log.SetOutput(&out)
		for range 2 {
			status, _ := get("/")
			require.Equal(t, f.status, status, f.name)
		}
		log.SetOutput(io.Discard)
		for range 2 {
			status, body := get("/")
			require.Equal(t, 200, status, f.name)
			require.Equal(t, "at last", body, f.name)
		}
		require.Equal(t, 3, runs, f.name)
		require.Contains(t, out.text(), f.log, f.name)
		out.buf.Reset()
	}
}

// TestConstLog: what went wrong is told to the server's log, whoever the server is.
func TestConstLog(t *testing.T) {
	for _, k := range kinds {
		var out lines
		c := nethttp.Const(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", "v1") }))
		addr := running(t, k.make(c, log.New(&out, "", 0)))
		got := talk(t, addr, step{send: "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"})
		require.True(t, strings.HasPrefix(got, "HTTP/1.1 500 "), k.name)
		require.Equal(t, "http: Const: /x: constcache: field Etag: \"v1\" is not an entity tag; the quotes are part of it", out.text(), k.name)
	}
}

// TestConstPanic: the request that the handler ran for ends as a panic does, one that waits gets 500, and the next tries
// again.
func TestConstPanic(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("broken") }, "Goexit": runtime.Goexit} {
		var runs atomic.Int32
		running, release := make(chan struct{}), make(chan struct{})
		var c *nethttp.Constant
		get := counted(&c, func(w http.ResponseWriter, _ *http.Request) {
			if runs.Add(1) == 1 {
				close(running)
				<-release
				end()
			}
			io.WriteString(w, "fine")
		})
		ended := make(chan any)
		go func() {
			defer func() { ended <- recover() }()
			get("/")
			t.Errorf("%s: the request has an answer", name)
		}()
		<-running
		waiting := make(chan int)
		go func() {
			status, _ := get("/")
			waiting <- status
		}()
		time.Sleep(10 * time.Millisecond) // so that it comes to wait; if it does not, it gets 200
		close(release)
		<-ended
		require.Contains(t, []int{500, 200}, <-waiting, name)
		_, body := get("/")
		require.Equal(t, "fine", body, name)
	}
}

// TestConstClientLeaves: whoever waits and goes away is not waited for.
func TestConstClientLeaves(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	running := make(chan struct{})
	c := nethttp.Const(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(running); <-release }))
	go c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	<-running
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	require.Zero(t, w.Body.Len())
}

// TestConstPathsMax: above the bound the handler answers by itself, and what is kept stays.
func TestConstPathsMax(t *testing.T) {
	runs := 0
	var c *nethttp.Constant
	get := counted(&c, func(w http.ResponseWriter, r *http.Request) { runs++; io.WriteString(w, r.URL.String()) })
	for range 2 {
		for i := range 256 {
			_, body := get(fmt.Sprintf("/%d?x", i))
			require.Equal(t, fmt.Sprintf("/%d", i), body)
		}
	}
	require.Equal(t, 256, runs)
	for range 2 {
		_, body := get("/more?x")
		require.Equal(t, "/more?x", body, "the client's own request")
	}
	require.Equal(t, 258, runs)
}

// TestConstMiddleware: what changes request or response around it has its effect.
func TestConstMiddleware(t *testing.T) {
	c := nethttp.Const(constants["poem"])
	for name, m := range map[string]func(w http.ResponseWriter, r *http.Request){
		"takes codings away": func(w http.ResponseWriter, r *http.Request) { r.Header.Del("Accept-Encoding"); c.ServeHTTP(w, r) },
		"writes more": func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Accept-Encoding")
			c.ServeHTTP(w, r)
			_, err := io.WriteString(w, "more")
			if !errors.Is(err, http.ErrContentLength) {
				panic(err)
			}
		},
	} {
		addr := running(t, kinds[1].make(http.HandlerFunc(m), log.New(io.Discard, "", 0)))
		got := talk(t, addr, step{send: "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"})
		_, body, _ := strings.Cut(got, "\r\n\r\n")
		require.Equal(t, poem, body, name)
	}
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
