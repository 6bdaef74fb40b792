package native

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// fuzzRouter has a handler for everything that a request can lead to.
func fuzzRouter() *Router {
	rt := NewRouter()
	rt.ResponseHeader("X-Global", "g", "/not/{x}")
	rt.Handle("/echo", func(w *Response, r *Request) error {
		for name, value := range r.QueryAll() {
			w.Add("X-Query", string(name)+string(value))
		}
		return echo(w, r)
	})
	rt.Handle("/stream/{id}/{rest...}", func(w *Response, r *Request) error {
		w.Set("X-Id", string(r.Param("id")))
		w.Redirect(200, string(r.Param("rest")))
		w.SetTrailer("X-T", string(r.Header("X-T")))
		_, err := io.Copy(w, r.BodyReader())
		return err
	})
	rt.Handle("GET /error", func(*Response, *Request) error { return errors.New("planned") })
	rt.Handle("GET /panic/{x}", func(w *Response, r *Request) error { panic(string(r.Param("x"))) })
	rt.Handle("POST /ignore", func(w *Response, _ *Request) error { return w.Empty(204) })
	rt.Handle("GET /flush", func(w *Response, r *Request) error { w.Write(r.Target()); return w.Flush() })
	rt.Handle("GET /dir/{$}", says("dir"))
	rt.Const("GET /const", says(strings.Repeat("constant ", 30)))
	return rt
}

// FuzzRequests sends arbitrary bytes to a small app, whole and cut: it does not panic, every answer is one that net/http
// can read, their number is not above that of the requests, and the cut changes nothing.
func FuzzRequests(f *testing.F) {
	for _, in := range []string{
		request("GET", "/const") + request("HEAD", "/const", "Accept-Encoding: gzip"), postTo("/echo?a=%41&b", "body"),
		chunkedTo("/stream/%41/b/c", "abcdef", 4), request("GET", "/error") + request("GET", "/panic/x%0d%0ay"),
		postTo("/ignore", "ignored") + request("OPTIONS", "*"), request("GET", "/flush?x") + request("PUT", "/const"),
		request("GET", "//dir") + request("GET", "/dir"), "GET /const HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		postTo("/echo", "x", "Expect: 100-continue"), request("GET", "/%"), "\r\n\r\nGET", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
		"GET http://h HTTP/1.1\r\nHost: x\r\n\r\n", request("GET", "/stream/%0a%00/%ff\\..//"), request("GET", "/const", "If-None-Match: *"),
		request("GET", "/not/%", "Range: bytes=0-"), request("POST", "/echo", "Transfer-Encoding: chunked") + "x",
	} {
		f.Add([]byte(in), uint16(len(in)/2))
	}
	s := &Server{Router: fuzzRouter(), Logger: quiet()}
	eng, err := s.begin(nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		if len(in) > 60_000 {
			return
		}
		before := eng.Counters()
		out, next := playSplit(t, eng, in, len(in))
		require.NotEqual(t, transport.Own, next)
		after := eng.Counters()
		require.Equal(t, before.Panics, after.Panics)
		answered := 0
		for r := bufio.NewReader(strings.NewReader(out)); ; answered++ {
			if _, err := r.Peek(1); err == io.EOF {
				break
			}
			// What the request's method was is not known here; a HEAD answer is one whose body is missing.
			resp, err := http.ReadResponse(r, &http.Request{Method: headOrGet(in)})
			require.NoError(t, err, "%q of %q", out, in)
			require.Less(t, resp.StatusCode, 600)
			if headOrGet(in) == "HEAD" {
				return // the others cannot be told apart
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if err != nil {
				require.True(t, resp.Close || next != transport.Read, "%v: %q of %q", err, out, in)
				break
			}
			if resp.StatusCode == 100 {
				answered--
			}
		}
		require.LessOrEqual(t, uint64(answered), after.Requests-before.Requests+after.Refused-before.Refused, "%q of %q", out, in)
		cut, _ := playSplit(t, eng, in, int(at)%(len(in)+1))
		require.Equal(t, dateless(out), dateless(cut), "%q", in)
	})
}

func headOrGet(in []byte) string {
	if bytes.Contains(in, []byte("HEAD")) {
		return "HEAD"
	}
	return "GET"
}

// dateless is what does not depend on time, nor on when which bytes were at hand.
func dateless(out string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(out, "HTTP/1.1 100 Continue\r\n\r\n", "")) {
		if !strings.HasPrefix(line, "Date: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}
