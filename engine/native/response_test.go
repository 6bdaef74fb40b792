package native

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
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

func TestUpgradeAndHijack(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, by(map[string]Handler{
			"/hijack": func(w *Response, r *Request) error {
				w.Set("X-Dropped", "1")
				conn, over, err := w.Hijack()
				if err != nil {
					return err
				}
				defer conn.Close()
				_, _, err = w.Hijack()
				require.Error(t, err)
				require.True(t, w.Started())
				_, err = w.WriteString("not sent")
				require.Error(t, err)
				require.Error(t, w.Flush())
				io.WriteString(conn, "raw "+string(over)+" ")
				if _, ok := conn.(*net.TCPConn); !ok {
					return errors.New("not a TCP connection")
				}
				b := make([]byte, 4)
				io.ReadFull(conn, b)
				conn.Write(b)
				return errors.New("dropped")
			},
			"/panic": func(w *Response, r *Request) error {
				conn, _, err := w.Hijack()
				require.NoError(t, err)
				defer conn.Close()
				panic("after Hijack")
			},
			"/upgrade": func(w *Response, r *Request) error {
				w.Set("Connection", "Upgrade")
				w.Set("Upgrade", "echo")
				return w.Empty(101)
			},
		}))
		c := a.dial().send(request("GET", "/hijack") + "over")
		b := make([]byte, len("raw over "))
		_, err := io.ReadFull(c.r, b)
		require.NoError(t, err)
		require.Equal(t, "raw over ", string(b))
		c.send("more")
		require.Equal(t, "more", c.ended())
		require.Zero(t, a.log.lines())

		require.Empty(t, a.dial().send(request("GET", "/panic")).ended())
		eventually(t, "the log", func() bool { return a.log.lines() == 1 })

		got := a.get("/upgrade", "Connection: upgrade", "Upgrade: echo")
		require.Equal(t, 101, got.StatusCode)
		require.Equal(t, "upgrade", got.get("Connection"))
		require.Equal(t, "echo", got.get("Upgrade"))
		a.stop() // hijacked connections are not waited for
	})
}

// TestExpect: 100 (Continue) comes with the first read, and only before the response.
func TestExpect(t *testing.T) {
	const expect = "Expect: 100-continue"
	for _, timeout := range []time.Duration{0, -1} { // with and without a deadline for bodies
		onTransports(t, func(t *testing.T, transport string) {
			a := serve(t, transport, by(map[string]Handler{
				"/read":   echo,
				"/unread": says("unread"),
				"/twice": func(w *Response, r *Request) error {
					b := make([]byte, 2)
					for {
						n, err := r.BodyReader().Read(b)
						w.Write(b[:n])
						if err == io.EOF {
							return nil
						}
						if err != nil {
							return err
						}
					}
				},
				"/late": func(w *Response, r *Request) error {
					w.WriteString("begun ")
					w.Flush()
					body, err := r.Body()
					w.Write(body)
					return err
				},
				"/too/large": func(w *Response, r *Request) error { r.SetBodyBytesMax(1); return echo(w, r) },
			}), func(s *Server) { s.BodyTimeout = timeout })
			head := func(path string) string { return request("POST", path, expect, "Content-Length: 4") }
			for _, path := range []string{"/read", "/twice"} {
				c := a.dial().send(head(path))
				require.Equal(t, 100, c.next("POST").StatusCode)
				c.send("bo")
				time.Sleep(2 * time.Millisecond)
				c.send("dy")
				require.Equal(t, "body", c.next("POST").body)
				c.alive()
				// With the body at hand nobody waits.
				require.Equal(t, "body", c.send(head(path)+"body").next("POST").body)
				c.alive()
			}
			// Not read: whether the body comes is unknown, so the connection ends.
			c := a.dial().send(head("/unread"))
			got := c.next("POST")
			require.Equal(t, "unread", got.body)
			require.True(t, got.Close)
			require.Empty(t, c.send("body").ended())
			// Begun: 100 would stand in the body.
			c = a.dial().send(head("/late"))
			resp, err := http.ReadResponse(c.r, nil)
			require.NoError(t, err)
			require.True(t, resp.Close)
			c.send("body")
			b, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, "begun body", string(b))
			// Refused without asking for it.
			got = a.dial().send(head("/too/large")).next("POST")
			require.Equal(t, 413, got.StatusCode)
			require.True(t, got.Close)
		})
	}
}

func TestSendFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	require.NoError(t, os.WriteFile(name, content, 0o600))
	open := func() *os.File {
		f, err := os.Open(name)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	sends := func(n int64, before ...func(w *Response, f *os.File)) Handler {
		return func(w *Response, _ *Request) error {
			f := open()
			for _, b := range before {
				b(w, f)
			}
			return w.SendFile(f, n)
		}
	}
	copies := func(src func(f *os.File) io.Reader) Handler {
		return func(w *Response, _ *Request) error {
			f := open()
			n, err := io.Copy(w, src(f))
			if n != w.Written() {
				return errors.New("another number")
			}
			return err
		}
	}
	seek := func(_ *Response, f *os.File) { f.Seek(10, io.SeekStart) }
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, by(map[string]Handler{
			"/all":        sends(-1),
			"/some":       sends(100_000, seek),
			"/rest":       sends(-1, seek),
			"/small":      sends(100, seek),
			"/none":       sends(0),
			"/behind":     sends(100_000, func(w *Response, _ *os.File) { w.WriteString("before ") }),
			"/flushed":    sends(100_000, func(w *Response, _ *os.File) { w.WriteString("before "); w.Flush() }),
			"/trunc":      sends(int64(len(content)) + 1),
			"/trunc/rest": sends(100, func(_ *Response, f *os.File) { f.Seek(-10, io.SeekEnd) }),
			"/204":        sends(-1, func(w *Response, _ *os.File) { w.SetStatus(204) }),
			"/copy":       copies(func(f *os.File) io.Reader { return f }),
			"/limited":    copies(func(f *os.File) io.Reader { return io.LimitReader(f, 50_000) }),
			"/plain":      copies(func(f *os.File) io.Reader { return struct{ io.Reader }{f} }),
		}))
		c := a.dial()
		for _, x := range []struct {
			path   string
			length int64
			body   string
		}{
			{"/all", int64(len(content)), string(content)}, {"/some", 100_000, string(content[10:100_010])},
			{"/rest", int64(len(content)) - 10, string(content[10:])}, {"/small", 100, string(content[10:110])}, {"/none", 0, ""},
			{"/behind", -1, "before " + string(content[:100_000])}, {"/flushed", -1, "before " + string(content[:100_000])},
			{"/copy", int64(len(content)), string(content)}, {"/limited", 50_000, string(content[:50_000])},
			{"/plain", -1, string(content)},
		} {
			got := c.send(request("GET", x.path)).next("GET")
			require.Equal(t, x.length, got.ContentLength, x.path)
			require.True(t, x.body == got.body, x.path)
			head := c.send(request("HEAD", x.path)).next("HEAD")
			require.Equal(t, 200, head.StatusCode)
			if x.length >= 0 {
				require.Equal(t, x.length, head.ContentLength, x.path)
			}
		}
		require.Zero(t, a.log.lines(), a.log.String())
		require.Equal(t, 500, c.send(request("GET", "/204")).next("GET").StatusCode)
		require.Equal(t, 500, c.send(request("GET", "/trunc/rest")).next("GET").StatusCode)
		cut := c.send(request("GET", "/trunc") + request("GET", "/small")).ended()
		require.Contains(t, cut, "Content-Length: 320001")
		require.True(t, strings.HasSuffix(cut, string(content[len(content)-100:])))
	})
}

// TestDraining: during Shutdown, what is still answered says that it is the last.
func TestDraining(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		entered, goOn := make(chan bool), make(chan bool)
		rt := NewRouter()
		rt.Handle("/", func(w *Response, _ *Request) error {
			entered <- true
			<-goOn
			return w.Text(200, "last")
		})
		a := serve(t, transport, rt)
		c := a.dial().send(request("GET", "/"))
		await(t, entered, "the handler")
		stopped := make(chan bool)
		go func() { a.stop(); close(stopped) }()
		eventually(t, "the server to drain", func() bool { return a.engine.Draining() })
		goOn <- true
		got := c.next("GET")
		require.Equal(t, "last", got.body)
		require.True(t, got.Close)
		require.Empty(t, c.ended())
		await(t, stopped, "Shutdown")
	})
}

// TestSlowHandler: a handler may take longer than the write timeout, which is the peer's.
func TestSlowHandler(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, route1(func(w *Response, _ *Request) error {
			time.Sleep(60 * time.Millisecond)
			return w.Text(200, "slow")
		}), func(s *Server) { s.WriteTimeout = 50 * time.Millisecond })
		c := a.dial()
		for range 3 {
			require.Equal(t, "slow", c.send(request("GET", "/")).next("GET").body)
		}
	})
}

// TestPeerDoesNotRead: a peer that takes nothing is cut, and the handler told.
func TestPeerDoesNotRead(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		errs := make(chan error, 1)
		a := serve(t, transport, route1(func(w *Response, _ *Request) error {
			p := make([]byte, 1<<20)
			for {
				if _, err := w.Write(p); err != nil {
					errs <- err
					_, again := w.Write(p)
					require.Equal(t, err, again)
					return err
				}
			}
		}), func(s *Server) { s.WriteTimeout = 50 * time.Millisecond })
		a.dial().send(request("GET", "/"))
		require.ErrorIs(t, await(t, errs, "the handler's error"), os.ErrDeadlineExceeded)
		require.Zero(t, a.log.lines(), a.log.String())
	})
}
