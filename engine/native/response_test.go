package native

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// by answers each path with its own handler.
func by(handlers map[string]Handler) *Router {
	rt := NewRouter()
	for path, h := range handlers {
		rt.Handle(path, h)
	}
	return rt
}

func old(path string, fields ...string) string {
	return strings.Replace(request("GET", path, fields...), "HTTP/1.1", "HTTP/1.0", 1)
}

func TestFraming(t *testing.T) {
	big := strings.Repeat("0123456789", 10_000)
	write := func(body string, before ...func(w *Response)) Handler {
		return func(w *Response, _ *Request) error {
			for _, f := range before {
				f(w)
			}
			for body := body; body != ""; {
				n := min(len(body), 7000)
				if _, err := w.WriteString(body[:n]); err != nil {
					return err
				}
				body = body[n:]
			}
			return nil
		}
	}
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, by(map[string]Handler{
			"/empty":     says(""),
			"/nothing":   func(*Response, *Request) error { return nil },
			"/small":     write("small"),
			"/big":       write(big),
			"/declared":  write(big, func(w *Response) { w.Set("content-length", "100000") }),
			"/bytes":     func(w *Response, _ *Request) error { return w.Bytes(201, "a/b", []byte(big)) },
			"/flushed":   write("small", func(w *Response) { w.Flush() }),
			"/204":       func(w *Response, _ *Request) error { return w.Empty(204) },
			"/205":       func(w *Response, _ *Request) error { return w.Empty(205) },
			"/304":       func(w *Response, _ *Request) error { w.Set("ETag", `"x"`); return w.Empty(304) },
			"/204/flush": func(w *Response, _ *Request) error { w.SetStatus(204); return w.Flush() },
			"/418":       func(w *Response, _ *Request) error { return w.HTML(418, "<b>") },
			"/599":       func(w *Response, _ *Request) error { return w.Text(599, "odd") },
			"/close":     func(w *Response, _ *Request) error { w.Set("Connection", "close"); return w.Text(200, "bye") },
		}))
		c := a.dial()
		for _, x := range []struct {
			path   string
			status int
			length int64 // -1: chunked, -2: none
			body   string
		}{
			{"/empty", 200, 0, ""}, {"/nothing", 200, 0, ""}, {"/small", 200, 5, "small"}, {"/big", 200, -1, big},
			{"/declared", 200, 100_000, big}, {"/bytes", 201, 100_000, big}, {"/flushed", 200, -1, "small"},
			{"/204", 204, -2, ""}, {"/304", 304, -2, ""}, {"/205", 205, 0, ""}, {"/418", 418, 3, "<b>"},
			{"/599", 599, 3, "odd"},
		} {
			got := c.send(request("GET", x.path)).next("GET")
			require.Equal(t, x.status, got.StatusCode, x.path)
			require.Equal(t, x.body, got.body, x.path)
			switch x.length {
			case -1:
				require.Equal(t, []string{"chunked"}, got.TransferEncoding, x.path)
			case -2:
				require.Empty(t, got.Header["Content-Length"], x.path)
				require.Empty(t, got.TransferEncoding, x.path)
			default:
				require.Equal(t, x.length, got.ContentLength, x.path)
			}
			date, err := http.ParseTime(got.get("Date"))
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), date, time.Minute)
			if x.body != "" && x.status < 400 && x.path != "/bytes" {
				require.Equal(t, defaultType, got.get("Content-Type"), x.path)
			}

			// HEAD is the same head where its length is known, and never a body.
			head := c.send(request("HEAD", x.path)).next("HEAD")
			require.Equal(t, x.status, head.StatusCode, x.path)
			if x.length > 0 {
				require.Equal(t, x.length, head.ContentLength, x.path)
			}
			require.Empty(t, head.TransferEncoding, x.path)

			// HTTP/1.0: no chunks; what has no length ends with the connection.
			o := a.dial()
			got = o.send(old(x.path, "Connection: keep-alive")).next("GET")
			require.Equal(t, "HTTP/1.0", got.Proto)
			require.Equal(t, x.status, got.StatusCode, x.path)
			require.Equal(t, x.body, got.body, x.path)
			if x.length == -1 {
				require.Empty(t, got.get("Connection"), x.path)
				require.Empty(t, o.ended())
			} else {
				require.Equal(t, "keep-alive", got.get("Connection"), x.path)
				o.alive()
			}
		}
		require.Equal(t, "bye", c.send(request("GET", "/close")+request("GET", "/small")).next("GET").body)
		require.Empty(t, c.ended())
		got := a.get("/small", "Connection: close")
		require.True(t, got.Close)
		o := a.dial().send(old("/small"))
		require.Equal(t, "small", o.next("GET").body)
		require.Empty(t, o.ended())
		require.Zero(t, a.log.lines(), a.log.String())
	})
}

// TestLengthAndBodyDisagree: too little cuts the connection, since the client would take the next answer for the rest; too
// much is refused.
func TestLengthAndBodyDisagree(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		errs := make(chan error, 10)
		declare := func(n string, writes ...string) Handler {
			return func(w *Response, _ *Request) error {
				w.Set("Content-Length", n)
				for _, s := range writes {
					if s == "flush" {
						w.Flush()
					} else if _, err := w.WriteString(s); err != nil {
						errs <- err
					}
				}
				w.SetStatus(204) // too late, or it would excuse the missing bytes
				return nil
			}
		}
		short := func(h Handler) Handler {
			return func(w *Response, r *Request) error {
				err := h(w, r)
				if !w.Started() {
					w.SetStatus(200)
				}
				return err
			}
		}
		a := serve(t, transport, by(map[string]Handler{
			"/short":         short(declare("10", "123")),
			"/short/flushed": declare("10", "123", "flush", "4"),
			"/none":          short(declare("10")),
			"/long":          short(declare("3", "123", "4")),
			"/long/flushed":  declare("3", "12", "flush", "345", "3"),
		}))
		for i, x := range []struct{ path, body string }{{"/short", "123"}, {"/short/flushed", "1234"}, {"/none", ""}} {
			c := a.dial().send(request("GET", x.path) + request("GET", "/short"))
			head, body, _ := strings.Cut(c.ended(), "\r\n\r\n")
			require.Contains(t, head, "Content-Length: 10")
			require.Equal(t, x.body, body, x.path)
			eventually(t, "a line in the log", func() bool { return a.log.lines() == i+1 })
			a.ask(request("HEAD", x.path)) // is fine
		}
		for _, path := range []string{"/long", "/long/flushed"} {
			c := a.dial()
			got := c.send(request("GET", path)).next("GET")
			require.Equal(t, "123", got.body)
			require.ErrorIs(t, await(t, errs, "the handler's error"), ErrContentLength)
			c.alive()
		}
		require.Equal(t, 3, a.log.lines(), a.log.String())
	})
}

func TestBodyNotAllowed(t *testing.T) {
	errs := make(chan error, 10)
	a := serve(t, "", route1(func(w *Response, r *Request) error {
		w.SetStatus(map[string]int{"/204": 204, "/304": 304}[string(r.Path())])
		_, err := w.Write([]byte("body"))
		errs <- err
		_, err = w.Write(nil)
		errs <- err
		return nil
	}))
	c := a.dial()
	for _, path := range []string{"/204", "/304"} {
		c.send(request("GET", path)).next("GET")
		require.ErrorIs(t, <-errs, ErrBodyNotAllowed)
		require.NoError(t, <-errs)
	}
	c.alive()
}

// A body that was written before the status became one without is not sent: the client would read it as the next response.
func TestBodyNotAllowedAnyMore(t *testing.T) {
	large := strings.Repeat("HTTP/1.1 200 OK\r\n\r\n", 700) // less than what is collected
	a := serve(t, "", by(map[string]Handler{
		"/empty":  func(w *Response, _ *Request) error { w.WriteString(large); return w.Empty(304) },
		"/flush":  func(w *Response, _ *Request) error { w.WriteString(large); w.SetStatus(204); return w.Flush() },
		"/error":  func(w *Response, _ *Request) error { return w.Error(204, "x") },
		"/length": func(w *Response, _ *Request) error { w.Bytes(200, "text/plain", []byte(large)); return w.Empty(204) },
		"/filter": func(w *Response, _ *Request) error {
			w.SetFilter(upper{})
			w.WriteString(large)
			return w.Empty(304)
		},
	}))
	c := a.dial()
	for _, path := range []string{"/empty", "/flush", "/error", "/length", "/filter"} {
		got := c.send(request("GET", path)).next("GET")
		require.Contains(t, []int{204, 304}, got.StatusCode, path)
		require.Empty(t, got.get("Content-Length"), path)
		c.alive()
	}
}

func TestTrailers(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, by(map[string]Handler{
			"/small": func(w *Response, _ *Request) error {
				w.SetTrailer("X-Sum", "42\r\nX-Evil: 1")
				return w.Text(200, "body")
			},
			"/bytes": func(w *Response, _ *Request) error {
				w.SetTrailer("X-Sum", "42")
				return w.Bytes(200, "text/plain", []byte("body"))
			},
			"/late": func(w *Response, _ *Request) error {
				w.Add("Trailer", "X-Sum")
				w.WriteString("bo")
				w.Flush()
				w.WriteString("dy")
				w.SetTrailer("X-Sum", "43")
				return nil
			},
			"/error": func(w *Response, _ *Request) error {
				w.SetTrailer("X-Sum", "42")
				return errors.New("no")
			},
			"/bad": func(w *Response, r *Request) error {
				for _, name := range []string{"Content-Length", "host", "", "a b"} {
					require.Panics(t, func() { w.SetTrailer(name, "x") }, name)
				}
				return nil
			},
		}))
		c := a.dial()
		for path, sum := range map[string]string{"/small": "42  X-Evil: 1", "/bytes": "42", "/late": "43", "/error": "", "/bad": ""} {
			got := c.send(request("GET", path)).next("GET")
			require.Equal(t, sum, got.Trailer.Get("X-Sum"), path)
			require.Empty(t, got.Trailer.Get("X-Evil"))
			require.Empty(t, c.send(request("HEAD", path)).next("HEAD").TransferEncoding)
			if sum != "" {
				require.Equal(t, "body", got.body)
				require.Equal(t, "body", a.ask(old(path)).body)
			}
		}
	})
}

func TestInform(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		errs := make(chan error, 1)
		a := serve(t, transport, route1(func(w *Response, _ *Request) error {
			w.Add("Link", "</style.css>; rel=preload")
			if err := w.Inform(103); err != nil {
				return err
			}
			w.Set("X-Later", "1")
			if err := w.Inform(103); err != nil {
				return err
			}
			w.WriteString("done")
			w.Flush()
			errs <- w.Inform(103)
			return nil
		}))
		c := a.dial()
		c.send(request("GET", "/") + request("GET", "/"))
		for range 2 {
			hint := c.next("GET")
			require.Equal(t, 103, hint.StatusCode)
			require.Len(t, hint.Header, 1)
			require.Equal(t, "1", c.next("GET").get("X-Later"))
			got := c.next("GET")
			require.Equal(t, 200, got.StatusCode)
			require.Equal(t, "done", got.body)
			require.Equal(t, "</style.css>; rel=preload", got.get("Link"))
			require.ErrorIs(t, <-errs, ErrStarted)
		}
		require.Equal(t, 200, a.ask(old("/")).StatusCode)
		<-errs
	})
	for _, status := range []int{0, 100, 101, 200} {
		require.Panics(t, func() { new(Response).Inform(status) }, status)
	}
}

// TestFlushStreams: what is flushed is there while the handler runs.
func TestFlushStreams(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		goOn := make(chan bool)
		a := serve(t, transport, route1(func(w *Response, r *Request) error {
			for i := range 3 {
				w.WriteString(string(rune('a' + i)))
				if err := w.Flush(); err != nil {
					return err
				}
				if !w.Started() {
					return errors.New("not started")
				}
				<-goOn
			}
			return nil
		}))
		c := a.dial().send(request("GET", "/"))
		resp, err := http.ReadResponse(c.r, nil)
		require.NoError(t, err)
		for i := range 3 {
			b := make([]byte, 1)
			_, err := io.ReadFull(resp.Body, b)
			require.NoError(t, err)
			require.Equal(t, byte('a'+i), b[0])
			goOn <- true
		}
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		c.alive()
	})
}

// TestStarted: what is said about a response that has begun is not heard.
func TestStarted(t *testing.T) {
	a := serve(t, "", route1(func(w *Response, _ *Request) error {
		w.SetStatus(201)
		w.Set("X-A", "1")
		w.Set("Expires", "Mon, 02 Jan 2040 15:04:05 GMT")
		w.Set("Content-Digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")
		w.WriteString("draft")
		require.False(t, w.Started())
		require.NoError(t, w.Error(400, "instead")) // drops the draft
		w.Flush()
		require.True(t, w.Started())
		w.SetStatus(500)
		w.Set("X-A", "2")
		w.Add("X-B", "2")
		w.Del("X-A")
		require.Equal(t, 400, w.Status())
		require.ErrorIs(t, w.Error(500, ""), ErrStarted)
		return nil
	}))
	got := a.get("/")
	require.Equal(t, 400, got.StatusCode)
	require.Equal(t, "1", got.get("X-A"))
	require.Empty(t, got.get("X-B"))
	require.Empty(t, got.get("Expires"))
	require.Empty(t, got.get("Content-Digest"))
	require.Equal(t, "instead\n", got.body)
}

func TestErrorAfterDraft(t *testing.T) {
	a := serve(t, "", route1(func(w *Response, _ *Request) error {
		for _, name := range describing {
			if name != "Content-Length" {
				w.Set(name, "x")
			}
		}
		w.Set("Content-Length", "3")
		w.Set("Set-Cookie", "kept=1")
		w.WriteString("dra")
		return &Error{Status: 422, Message: "no"}
	}))
	got := a.get("/")
	require.Equal(t, 422, got.StatusCode)
	require.Equal(t, "no\n", got.body)
	require.Equal(t, "text/plain; charset=utf-8", got.get("Content-Type"))
	require.Equal(t, "nosniff", got.get("X-Content-Type-Options"))
	require.Equal(t, "kept=1", got.get("Set-Cookie"))
	require.Len(t, got.Header, 5)
}

func TestFields(t *testing.T) {
	a := serve(t, "", route1(func(w *Response, _ *Request) error {
		w.Add("X-List", "1")
		w.Add("x-other", " \t trimmed\t ")
		w.Add("x-LIST", "2")
		w.Set("X-Gone", "1")
		w.Add("X-Gone", "2")
		w.Del("x-gone")
		w.Set("X-Set", "1")
		w.Add("X-List", "3")
		w.Set("x-set", "2")
		w.Set("X-Empty", "")
		require.Equal(t, "1", string(w.Get("X-list")))
		require.Equal(t, "2", string(w.Get("X-Set")))
		require.Nil(t, w.Get("X-Gone"))
		require.NotNil(t, w.Get("X-Empty"))
		w.Set("Date", "whenever")
		w.Del("Date")
		w.Set("Content-Type", "a/b")
		w.Del("Content-Type")
		w.Set("Connection", "close")
		w.Del("connection")
		w.Set("Content-Length", "7")
		w.Del("content-length")
		return w.Text(200, "x")
	}))
	c := a.dial().send(request("GET", "/"))
	raw := make([]byte, 4096)
	n, err := c.Read(raw)
	require.NoError(t, err)
	lines := strings.Split(string(raw[:n]), "\r\n")
	require.Equal(t, []string{"HTTP/1.1 200 OK", "X-List: 1", "x-other: trimmed", "x-LIST: 2", "X-List: 3", "x-set: 2",
		"X-Empty: "}, lines[:7])
	require.True(t, strings.HasPrefix(lines[7], "Date: "))
	require.Equal(t, []string{"Content-Type: " + defaultType, "Content-Length: 1", "", "x"}, lines[8:])
	c.alive()
}

// TestInjection: whatever stands in a value stays in its line; a name is the program's, and a mistake in it is a 500.
func TestInjection(t *testing.T) {
	evil := "a\r\nX-Evil: 1\r\n\r\n<body>\x00\x7f\x01\n\r"
	a := serve(t, "", by(map[string]Handler{
		"/set":      func(w *Response, _ *Request) error { w.Set("X-A", evil); return nil },
		"/add":      func(w *Response, _ *Request) error { w.Add("X-A", evil); return nil },
		"/redirect": func(w *Response, _ *Request) error { return w.Redirect(302, "/"+evil) },
		"/type":     func(w *Response, _ *Request) error { return w.Bytes(200, evil, nil) },
		"/inform":   func(w *Response, _ *Request) error { w.Set("X-A", evil); return w.Inform(103) },
		"/name":     func(w *Response, _ *Request) error { w.Set("X-A: 1\r\nX-Evil", "1"); return nil },
		"/space":    func(w *Response, _ *Request) error { w.Add("X A", "1"); return nil },
		"/no/name":  func(w *Response, _ *Request) error { w.Set("", "1"); return nil },
		"/te":       func(w *Response, _ *Request) error { w.Set("Transfer-Encoding", "chunked"); return nil },
		"/length":   func(w *Response, _ *Request) error { w.Set("Content-Length", "-1"); return nil },
		"/length+":  func(w *Response, _ *Request) error { w.Set("Content-Length", "1, 1"); return nil },
		"/status":   func(w *Response, _ *Request) error { w.SetStatus(600); return nil },
		"/status/1": func(w *Response, _ *Request) error { w.SetStatus(100); return nil },
	}))
	c := a.dial()
	for _, path := range []string{"/set", "/add", "/redirect", "/type", "/inform"} {
		got := c.send(request("GET", path)).next("GET")
		if got.StatusCode == 103 {
			require.Empty(t, got.get("X-Evil"))
			got = c.next("GET")
		}
		require.Empty(t, got.get("X-Evil"), path)
		require.Empty(t, got.body)
		c.alive()
	}
	for i, path := range []string{"/name", "/space", "/no/name", "/te", "/length", "/length+", "/status", "/status/1"} {
		got := c.send(request("GET", path)).next("GET")
		require.Equal(t, 500, got.StatusCode, path)
		require.Empty(t, got.get("X-Evil"), path)
		require.Equal(t, i+1, a.log.lines())
	}
	c.alive()
}
