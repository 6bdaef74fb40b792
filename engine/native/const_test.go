package native

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

var constText = strings.Repeat("Hello, constant World! ", 100)

func TestConst(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		var runs atomic.Int32
		rt := NewRouter()
		rt.ResponseHeader("X-Global", "g")
		rt.Const("GET /c", func(w *Response, r *Request) error {
			runs.Add(1)
			w.Set("Content-Type", "text/x")
			return w.Text(200, constText)
		})
		rt.Const("GET /plain", says(constText), Plain())
		rt.Const("GET /dir/{$}", says("dir"))
		rt.Const("GET example.com/host", func(w *Response, r *Request) error { return w.Text(200, "host") })
		a := serve(t, transport, rt)
		c := a.dial()
		got := c.send(request("GET", "/c")).next("GET")
		require.Equal(t, constText, got.body)
		require.Equal(t, "g", got.get("X-Global"))
		require.Equal(t, "text/x", got.get("Content-Type"))
		require.Equal(t, "Accept-Encoding", got.get("Vary"))
		tag := got.get("ETag")
		require.NotEmpty(t, tag)
		head := c.send(request("HEAD", "/c")).next("HEAD")
		require.Equal(t, got.Header, head.Header)
		require.EqualValues(t, len(constText), head.ContentLength)

		got = c.send(request("GET", "/c", "If-None-Match: "+tag)).next("GET")
		require.Equal(t, 304, got.StatusCode)
		require.Equal(t, "g", got.get("X-Global"))
		require.Equal(t, 200, c.send(request("GET", "/c", `If-None-Match: "other"`)).next("GET").StatusCode)

		got = c.send(request("GET", "/c", "Accept-Encoding: gzip")).next("GET")
		require.Equal(t, "gzip", got.get("Content-Encoding"))
		z, err := gzip.NewReader(strings.NewReader(got.body))
		require.NoError(t, err)
		text, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, constText, string(text))
		got = c.send(request("GET", "/c", "Accept-Encoding: zstd")).next("GET")
		require.Equal(t, "zstd", got.get("Content-Encoding"))
		d, err := zstd.NewReader(bytes.NewReader([]byte(got.body)))
		require.NoError(t, err)
		defer d.Close()
		text, err = io.ReadAll(d)
		require.NoError(t, err)
		require.Equal(t, constText, string(text))
		require.Empty(t, c.send(request("GET", "/plain", "Accept-Encoding: gzip")).next("GET").get("Content-Encoding"))
		require.EqualValues(t, 1, runs.Load())

		// Those that could see a difference get an answer of their own.
		own := int32(1)
		for _, in := range []string{request("GET", "/c", "Range: bytes=0-1"), request("GET", "/c", "If-Match: *"),
			request("GET", "/c", "If-Range: x"), request("GET", "/c", "If-Unmodified-Since: x"),
			request("GET", "/c", "Content-Length: 1") + "x", request("GET", "/c", "Accept-Encoding: gzip", "Accept-Encoding: br"),
			request("GET", "/c", "Connection: upgrade", "Upgrade: x")} {
			got := c.send(in).next("GET")
			require.Equal(t, 200, got.StatusCode, in)
			require.Equal(t, constText, got.body, in)
			require.Equal(t, "g", got.get("X-Global"), in)
			own++
			require.Equal(t, own, runs.Load(), in)
		}
		c.alive()

		got = c.send(request("GET", "/c", "Connection: close")).next("GET")
		require.True(t, got.Close)
		require.Empty(t, c.ended())
		got = a.dial().send(old("/c")).next("GET")
		require.Equal(t, "HTTP/1.0", got.Proto)
		require.Equal(t, constText, got.body)
		c = a.dial().send(old("/c", "Connection: keep-alive"))
		require.Equal(t, "keep-alive", c.next("GET").get("Connection"))
		c.alive()
		require.Equal(t, "dir", a.get("/dir/").body)
		require.Equal(t, "host", a.ask("GET /host HTTP/1.1\r\nHost: example.com:80\r\n\r\n").body)
		require.Equal(t, 405, a.ask(postTo("/c", "x")).StatusCode)
	})
}

// TestConstAndMiddleware: what middleware sets has the same outcome on a constant route as on one that is not.
func TestConstAndMiddleware(t *testing.T) {
	middleware := map[string]func(w *Response){
		"nothing":  func(*Response) {},
		"Add":      func(w *Response) { w.Add("X-New", "m") },
		"Set":      func(w *Response) { w.Set("X-New", "m") },
		"global":   func(w *Response) { w.Set("X-Global", "m") },
		"G2":       func(w *Response) { w.Del("X-Global"); w.Set("X-Globel", "g") }, // the same length
		"Del":      func(w *Response) { w.Del("X-Global") },
		"handler":  func(w *Response) { w.Set("X-Handler", "m") },
		"Vary":     func(w *Response) { w.Add("Vary", "Origin") },
		"cookie":   func(w *Response) { w.Add("Set-Cookie", "m=1") },
		"trailer":  func(w *Response) { w.SetTrailer("X-T", "m") },
		"status":   func(w *Response) { w.SetStatus(203) },
		"close":    func(w *Response) { w.Set("Connection", "close") },
		"error":    func(w *Response) { w.Error(500, "m") },
		"write":    func(w *Response) { w.WriteString("m") },
		"Get":      func(w *Response) { w.Get("X-Global") },
		"filter":   func(w *Response) { w.SetFilter(nil) },
		"content":  func(w *Response) { w.Set("Content-Type", "m/m") },
		"language": func(w *Response) { w.Add("Content-Language", "m") },
	}
	h := func(w *Response, _ *Request) error {
		w.Set("X-Handler", "h")
		w.Add("Vary", "Cookie")
		w.Add("Set-Cookie", "h=1")
		w.Set("ETag", `"h"`)
		w.SetStatus(200)
		w.Set("Content-Type", "text/h")
		_, err := w.WriteString("handler")
		return err
	}
	build := func(set func(w *Response), after bool) *Router {
		rt := NewRouter()
		rt.ResponseHeader("X-Global", "g")
		rt.ResponseHeader("X-Excepted", "e", "/not")
		rt.ResponseHeader("X-Other", "o", "/const")
		rt.ResponseHeader("X-Host", "o", "h/")
		rt.Use(func(next Handler) Handler {
			return func(w *Response, r *Request) error {
				if after {
					err := next(w, r)
					set(w)
					return err
				}
				set(w)
				return next(w, r)
			}
		})
		rt.Handle("GET /plain", h)
		rt.Const("GET /const", h, Plain())
		return rt
	}
	for name, set := range middleware {
		for _, after := range []bool{false, true} {
			a := serve(t, "", build(set, after))
			for _, method := range []string{"GET", "HEAD"} {
				want := a.ask(request(method, "/plain"))
				got := a.ask(request(method, "/const"))
				require.Equal(t, "o", want.get("X-Other"))
				require.Empty(t, got.get("X-Other"))
				want.Header.Del("X-Other")
				for _, r := range []reply{want, got} {
					r.Header.Del("Date")
				}
				// The order of different middleware's lines may differ.
				require.ElementsMatch(t, want.Header["Vary"], got.Header["Vary"], "%s %v", name, after)
				require.ElementsMatch(t, want.Header["Set-Cookie"], got.Header["Set-Cookie"], "%s %v", name, after)
				want.Header.Del("Vary")
				got.Header.Del("Vary")
				want.Header.Del("Set-Cookie")
				got.Header.Del("Set-Cookie")
				require.Equal(t, want.Header, got.Header, "%s %v %s", name, after, method)
				require.Equal(t, want.StatusCode, got.StatusCode, "%s %v", name, after)
				require.Equal(t, want.body, got.body, "%s %v", name, after)
				require.Equal(t, want.Trailer, got.Trailer, "%s %v", name, after)
			}
		}
	}
}

func TestConstTTLAndInvalidate(t *testing.T) {
	var runs atomic.Int32
	fail := atomic.Bool{}
	count := func(w *Response, _ *Request) error {
		n := runs.Add(1)
		if fail.Load() {
			if n%2 == 0 {
				panic("no more")
			}
			return errors.New("no more")
		}
		return w.Text(200, fmt.Sprint(n))
	}
	rt := NewRouter()
	short := rt.Const("GET /short", count, TTL(time.Millisecond))
	kept := rt.Const("GET /kept", says("kept"))
	a := serve(t, "", rt)
	first := a.get("/short").body
	eventually(t, "another answer", func() bool { return a.get("/short").body != first })
	fail.Store(true)
	last := ""
	eventually(t, "the failure", func() bool { last = a.get("/short").body; return a.log.lines() > 2 })
	require.Equal(t, last, a.get("/short").body) // the last good one stays
	require.Equal(t, 200, a.get("/short").StatusCode)
	short.Invalidate()
	eventually(t, "no answer", func() bool { return a.get("/short").StatusCode == 500 })
	fail.Store(false)
	require.Equal(t, 200, a.get("/short").StatusCode)

	// Under load, there is always an answer.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c := a.dial()
			for range 300 {
				if got := c.send(request("GET", "/kept")).next("GET"); got.body != "kept" {
					t.Errorf("got %q", got.body)
				}
			}
		})
	}
	for range 300 {
		kept.Invalidate()
		time.Sleep(10 * time.Microsecond)
	}
	wg.Wait()
}

// TestConstAtStart: what a constant route cannot be is said by Serve.
func TestConstAtStart(t *testing.T) {
	for name, h := range map[string]Handler{
		"error":       func(*Response, *Request) error { return errPlain },
		"panic":       func(*Response, *Request) error { panic("ouch") },
		"short":       func(w *Response, _ *Request) error { w.Set("Content-Length", "9"); w.WriteString("x"); return nil },
		"304":         func(w *Response, _ *Request) error { return w.Empty(304) },
		"trailer":     func(w *Response, _ *Request) error { w.SetTrailer("X", "y"); return nil },
		"hijack":      func(w *Response, _ *Request) error { _, _, err := w.Hijack(); return err },
		"not allowed": func(w *Response, _ *Request) error { return w.Text(204, "body") },
	} {
		rt := NewRouter()
		rt.Const("GET /const", h)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		err = (&Server{Router: rt}).Serve(l)
		require.ErrorContains(t, err, `constant route "GET /const"`, name)
		_, err = net.Dial("tcp", l.Addr().String())
		require.Error(t, err, name)
	}
}

// TestConstRequest: the handler of a constant route sees a request that nobody sent.
func TestConstRequest(t *testing.T) {
	var released atomic.Int32
	rt := NewRouter()
	rt.RequestHeader("X-Req", "r")
	rt.Const("GET /const/{$}", func(w *Response, r *Request) error {
		body, err := r.Body()
		require.NoError(t, err)
		require.Empty(t, body)
		_, err = r.BodyReader().Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		require.NotNil(t, r.RemoteAddr())
		require.NotNil(t, r.LocalAddr())
		require.False(t, r.ClientAddr().IsValid())
		require.Equal(t, "http", r.ClientScheme())
		require.Equal(t, "localhost", string(r.ClientHost()))
		require.NoError(t, r.Context().Err())
		require.Nil(t, r.Value("x"))
		require.Equal(t, "r", string(r.Header("X-Req")))
		require.Equal(t, "GET /const/{$}", r.Pattern())
		require.Equal(t, "/const/", string(r.Path()))
		require.Nil(t, r.Query("x"))
		r.Clone()
		w.SetFilter(counted{released: &released})
		w.Inform(103)
		w.WriteString("a")
		w.Flush()
		require.False(t, w.Started())
		_, err = io.Copy(w, strings.NewReader("b"))
		return err
	})
	require.Equal(t, "ab", serve(t, "", rt).get("/const/").body)
	require.EqualValues(t, 1, released.Load())
}

func TestReadyKeepsWhatWasSet(t *testing.T) {
	rt := NewRouter()
	rt.ResponseHeader("X-Global", "g")
	c := rt.Const("GET /const", says("ready"))
	rt.Handle("/ready", func(w *Response, r *Request) error {
		if string(r.RawQuery()) != "" {
			w.Add("Vary", string(r.RawQuery()))
		}
		a, _ := c.cell.Get(0)
		ok, err := w.Ready(a)
		if !ok {
			return errPlain
		}
		return err
	})
	a := serve(t, "", rt)
	require.Equal(t, "g", a.get("/ready").get("X-Global"))
	require.Equal(t, "x", a.get("/ready?x").get("Vary"))
	require.Equal(t, "ready", a.get("/ready?x").body)
	require.Equal(t, 500, a.ask(postTo("/ready", "x")).StatusCode)
}
