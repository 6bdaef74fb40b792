package http2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/http2"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/websocket"
)

// The oracle is the same server by HTTP/1.1: what a client gets by HTTP/2 is what it gets there.
var oracle = []struct {
	name  string
	serve native.Handler
}{
	{"text", func(w *native.Response, r *native.Request) error { return w.Text(200, "hello") }},
	{"nothing", func(w *native.Response, r *native.Request) error { return nil }},
	{"no content", func(w *native.Response, r *native.Request) error { return w.Empty(204) }},
	{"not modified", func(w *native.Response, r *native.Request) error {
		w.Set("Etag", `"1"`)
		return w.Empty(304)
	}},
	{"no type", func(w *native.Response, r *native.Request) error {
		w.Del("Content-Type")
		_, err := w.WriteString("<html>")
		return err
	}},
	{"fields", func(w *native.Response, r *native.Request) error {
		w.Add("Set-Cookie", "a=1")
		w.Add("Set-Cookie", "b=2")
		w.Set("X-Empty", "")
		w.Set("Connection", "X-Hop")
		w.Set("X-Hop", "1")
		var names []string
		for name, value := range r.Headers() {
			if n := strings.ToLower(string(name)); n != "connection" && n != "user-agent" {
				names = append(names, fmt.Sprintf("%s=%s", name, value))
			}
		}
		slices.Sort(names) // HTTP/2 knows their order, net/http does not
		return w.Text(200, strings.Join(names, "\n"))
	}},
	{"request", func(w *native.Response, r *native.Request) error {
		return w.Text(200, fmt.Sprintf("%s %s %s %s %d", r.Method(), r.Target(), r.Host(), r.Query("q"), r.ProtoMinor()))
	}},
	{"body", func(w *native.Response, r *native.Request) error {
		body, err := r.Body()
		if err != nil {
			return err
		}
		return w.Bytes(201, "application/x-echo", body)
	}},
	{"trailers", func(w *native.Response, r *native.Request) error {
		w.SetTrailer("X-Early", "1")
		body, err := io.ReadAll(r.BodyReader())
		w.Write(body)
		w.Flush()
		var names []string
		for name, value := range r.Trailers() {
			names = append(names, fmt.Sprintf("%s=%s", name, value))
		}
		slices.Sort(names)
		w.SetTrailer("X-Early", "2")
		w.SetTrailer("X-Got", strings.Join(names, ","))
		return err
	}},
	{"hints", func(w *native.Response, r *native.Request) error {
		w.Set("Link", "</a>")
		w.Inform(103)
		return w.Text(200, "after")
	}},
	{"large", func(w *native.Response, r *native.Request) error {
		return w.Text(200, strings.Repeat("0123456789abcdef", 1<<16))
	}},
	{"large, in pieces", func(w *native.Response, r *native.Request) error {
		for i := range 200 {
			fmt.Fprintf(w, "%06d%s", i, strings.Repeat("x", 5000))
		}
		return nil
	}},
	{"error", func(w *native.Response, r *native.Request) error { return native.Errorf(418, "short and %s", "stout") }},
	{"unknown error", func(w *native.Response, r *native.Request) error { return errors.New("secret") }},
	{"panic", func(w *native.Response, r *native.Request) error { panic("secret") }},
	{"aborted", func(w *native.Response, r *native.Request) error { return native.ErrAbort }},
	{"incomplete", func(w *native.Response, r *native.Request) error {
		w.Set("Content-Length", "10")
		w.WriteString("five.")
		return w.Flush()
	}},
	{"redirect", func(w *native.Response, r *native.Request) error { return w.Redirect(302, "/elsewhere") }},
	{"websocket", func(w *native.Response, r *native.Request) error { return w.WebSocket(new(websocket.Endpoint), nil) }},
}

// seen is all of a response that must be the same.
func seen(t *testing.T, c *http.Client, req *http.Request) string {
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	var hints []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, h["Link"]))
		return nil
	}}
	res, err := c.Do(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		require.NoError(t, ctx.Err())
		return "no response"
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, ctx.Err())
	h := res.Header
	for _, name := range []string{"Date", "Connection", "X-Hop", "Trailer"} {
		h.Del(name)
	}
	if req.Method == "HEAD" {
		res.Trailer = nil // is announced, and does not come
	}
	if len(body) > 1000 {
		body = fmt.Appendf(nil, "%d bytes %.100q ... %q", len(body), body, body[len(body)-100:])
	}
	return fmt.Sprint(res.StatusCode, " ", hints, h, " ", res.ContentLength, " ", string(body), " ", err != nil, res.Trailer)
}

func TestOracle(t *testing.T) {
	routes := map[string]native.Handler{}
	for i, tt := range oracle {
		routes[fmt.Sprintf("/%d", i)] = tt.serve
	}
	routes["POST /post"] = oracle[0].serve
	rt := router(routes)
	constant := 0
	rt.Const("GET /const", func(w *native.Response, r *native.Request) error {
		constant++
		return w.Text(200, strings.Repeat("constant ", 100))
	})
	a := run(t, &native.Server{Router: rt, BodyBytesMax: 300 << 10}, http2.Options{})
	requests := map[string]func(url string) *http.Request{
		"GET":  func(url string) *http.Request { return request(t, "GET", url+"?q=a%20b", nil) },
		"HEAD": func(url string) *http.Request { return request(t, "HEAD", url, nil) },
		"POST": func(url string) *http.Request { return request(t, "POST", url, strings.NewReader("hello")) },
		"POST empty": func(url string) *http.Request {
			return request(t, "POST", url, http.NoBody)
		},
		"POST without length": func(url string) *http.Request {
			return request(t, "POST", url, io.MultiReader(strings.NewReader("hel"), strings.NewReader("lo")))
		},
		"POST trailers": func(url string) *http.Request {
			r := request(t, "POST", url, io.MultiReader(strings.NewReader("hello")))
			r.Trailer = http.Header{"X-A": {"1"}, "X-B": {"2"}}
			return r
		},
		"POST large": func(url string) *http.Request {
			return request(t, "POST", url, strings.NewReader(strings.Repeat("x", 200<<10)))
		},
		"POST too large": func(url string) *http.Request {
			return request(t, "POST", url, strings.NewReader(strings.Repeat("x", 400<<10)))
		},
		"conditional": func(url string) *http.Request {
			r := request(t, "GET", url, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			return r
		},
		"OPTIONS": func(url string) *http.Request { return request(t, "OPTIONS", url, nil) },
		"other method": func(url string) *http.Request {
			return request(t, "BREW", url, nil)
		},
		"fields": func(url string) *http.Request {
			r := request(t, "GET", url, nil)
			r.Header["X-Two"] = []string{"1", "2"}
			r.Header.Set("Cookie", "a=1; b=2")
			r.Header.Set("X-Empty", "")
			return r
		},
	}
	paths := []string{"/const", "/none", "/post", "/0/", "/%2e%2e/x"}
	for i := range oracle {
		paths = append(paths, fmt.Sprintf("/%d", i))
	}
	http1, http2, clear := client(t, one), client(t, two), client(t, upfront)
	for _, path := range paths {
		for name, make := range requests {
			want := seen(t, http1, make("https://"+a.secure+path))
			require.Equal(t, want, seen(t, http2, make("https://"+a.secure+path)), "%s %s", name, path)
			want = strings.ReplaceAll(want, a.secure, a.plain)
			require.Equal(t, want, seen(t, clear, make("http://"+a.plain+path)), "%s %s", name, path)
		}
	}
	require.Equal(t, 1, constant)
}
