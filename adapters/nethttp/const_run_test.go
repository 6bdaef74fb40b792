package nethttp_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

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

// TestConstPathValues: the handler finds the pattern's wildcards, and nothing that somebody has put in their place.
func TestConstPathValues(t *testing.T) {
	type mux interface {
		http.Handler
		Handle(string, http.Handler)
	}
	for _, m := range []mux{http.NewServeMux(), nethttp.NewServeMux()} {
		c := nethttp.Const(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%q %q %q", r.PathValue("id"), r.PathValue("rest"), r.PathValue("other"))
		}))
		between := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if by := r.Header.Get("By"); by != "" {
				r.SetPathValue("id", by)
				r.SetPathValue("other", by)
			}
			c.ServeHTTP(w, r)
		})
		m.Handle("GET /u/{id}/{rest...}", between)
		m.Handle("GET example.com/host/{id}", between)
		m.Handle("/strip/{id}/", http.StripPrefix("/strip", c))
		for _, x := range [][2]string{
			{"/u/7/a/b", `"7" "a/b" ""`}, {"/u/8/", `"8" "" ""`}, {"/u/%C3%A9%20x/", `"é x" "" ""`}, {"/host/h", `"h" "" ""`},
			{"/u/7%2Fa/b", `"7/a" "b" ""`}, {"/u/7/a%2fb", `"7" "a/b" ""`},
		} {
			for _, method := range []string{"GET", "GET", "HEAD"} {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(method, x[0], nil)
				if !strings.Contains(strings.ToLower(x[0]), "%2f") { // those are the handler's own
					r.Header.Set("By", "a stranger")
				}
				m.ServeHTTP(w, r)
				if method == "GET" {
					require.Equal(t, x[1], w.Body.String(), x[0])
				}
			}
		}
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("GET", "/strip/7/", nil))
		require.Equal(t, `"" "" ""`, w.Body.String(), "the path is not the pattern's any more")
	}
}
