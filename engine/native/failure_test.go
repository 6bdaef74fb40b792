package native

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var errPlain = errors.New("plain secret")

// begun writes more than is collected, so that the head and the beginning are on their way.
func begun(w *Response) { w.Write(make([]byte, 100_000)) }

func TestErrors(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, by(map[string]Handler{
			"/typed":      func(*Response, *Request) error { return &Error{Status: 409, Message: "taken", Err: errPlain} },
			"/nameless":   func(*Response, *Request) error { return &Error{Status: 404, Err: errPlain} },
			"/wrapped":    func(*Response, *Request) error { return fmt.Errorf("secret: %w", Errorf(403, "not %s", "you")) },
			"/plain":      func(*Response, *Request) error { return errPlain },
			"/500":        func(*Response, *Request) error { return &Error{Status: 503, Message: "later"} },
			"/odd":        func(*Response, *Request) error { return &Error{Status: 200} },
			"/draft":      func(w *Response, _ *Request) error { w.WriteString("dropped"); return errPlain },
			"/half":       func(w *Response, _ *Request) error { begun(w); return errPlain },
			"/abort":      func(w *Response, _ *Request) error { return ErrAbort },
			"/abort/w":    func(w *Response, _ *Request) error { return fmt.Errorf("for a reason: %w", ErrAbort) },
			"/abort/late": func(w *Response, _ *Request) error { begun(w); return ErrAbort },
		}))
		lines := 0
		for _, x := range []struct {
			path   string
			status int // 0: the connection is cut
			body   string
			logged bool
		}{
			{"/typed", 409, "taken\n", false}, {"/nameless", 404, "Not Found\n", false}, {"/wrapped", 403, "not you\n", false},
			{"/plain", 500, "Internal Server Error\n", true}, {"/500", 503, "later\n", true}, {"/odd", 500, "Internal Server Error\n", true},
			{"/draft", 500, "Internal Server Error\n", true}, {"/half", 0, "", true}, {"/abort", 0, "", false},
			{"/abort/w", 0, "", false}, {"/abort/late", 0, "", false},
		} {
			c := a.dial().send(request("GET", x.path))
			if x.status == 0 {
				require.NotContains(t, c.ended(), "\r\n0\r\n\r\n", x.path)
			} else {
				got := c.next("GET")
				require.Equal(t, x.status, got.StatusCode, x.path)
				require.Equal(t, x.body, got.body, x.path)
				c.alive()
			}
			if x.logged {
				lines++
			}
			eventually(t, "the log", func() bool { return a.log.lines() >= lines })
			require.Equal(t, lines, a.log.lines(), a.log.String())
		}
		require.Contains(t, a.log.String(), "plain secret")
	})
}

func TestErrorText(t *testing.T) {
	require.Equal(t, "404 Not Found", (&Error{Status: 404}).Error())
	require.Equal(t, "404 gone: plain secret", (&Error{Status: 404, Message: "gone", Err: errPlain}).Error())
	require.ErrorIs(t, Errorf(400, "x: %w", errPlain), errPlain)
	require.Equal(t, 400, Errorf(400, "x").Status)
}

func TestPanics(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		deferred := make(chan bool, 1)
		rt := by(map[string]Handler{
			"/before":     func(*Response, *Request) error { panic("first") },
			"/nil":        func(*Response, *Request) error { panic(nil) },
			"/draft":      func(w *Response, _ *Request) error { w.WriteString("dropped"); panic("second") },
			"/half":       func(w *Response, _ *Request) error { begun(w); panic("third") },
			"/flushed":    func(w *Response, _ *Request) error { w.Flush(); panic("fourth") },
			"/abort":      func(*Response, *Request) error { panic(ErrAbort) },
			"/abort/half": func(w *Response, _ *Request) error { begun(w); panic(ErrAbort) },
			"/exit": func(*Response, *Request) error {
				defer func() { deferred <- true }()
				runtime.Goexit()
				return nil
			},
			"/exit/half": func(w *Response, _ *Request) error { begun(w); runtime.Goexit(); return nil },
			"/after":     says("ok"),
		})
		rt.Use(func(next Handler) Handler {
			return func(w *Response, r *Request) error {
				err := next(w, r)
				if string(r.Path()) == "/after" {
					panic("in a middleware")
				}
				return err
			}
		})
		a := serve(t, transport, rt)
		lines := 0
		for _, x := range []struct {
			path   string
			status int
			logged bool
		}{
			{"/before", 500, true}, {"/nil", 500, true}, {"/draft", 500, true}, {"/half", 0, true}, {"/flushed", 0, true},
			{"/abort", 0, false}, {"/abort/half", 0, false}, {"/exit", 0, false}, {"/exit/half", 0, false}, {"/after", 500, true},
		} {
			c := a.dial().send(request("GET", x.path))
			if x.status == 0 {
				require.NotContains(t, c.ended(), "\r\n0\r\n\r\n", x.path)
			} else {
				require.Equal(t, x.status, c.next("GET").StatusCode, x.path)
				c.alive()
			}
			if x.logged {
				lines++
			}
			eventually(t, "the log", func() bool { return a.log.lines() >= lines })
			require.Equal(t, lines, a.log.lines(), a.log.String())
			a.dial().alive() // the loop goes on
		}
		require.True(t, await(t, deferred, "the deferred function"))
		require.Contains(t, a.log.String(), "failure_test.go") // the stack is the panic's
	})
}

func TestOnErrorAndOnPanic(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		rt := by(map[string]Handler{
			"/error":       func(w *Response, _ *Request) error { w.WriteString("dropped"); return errPlain },
			"/error/panic": func(*Response, *Request) error { return errors.New("panic") },
			"/error/half":  func(w *Response, _ *Request) error { begun(w); return errPlain },
			"/panic":       func(w *Response, _ *Request) error { w.WriteString("dropped"); panic("ouch") },
			"/panic/panic": func(w *Response, _ *Request) error { w.SetTrailer("X-Left", "1"); w.SetFilter(upper{}); panic("panic") },
			"/panic/abort": func(*Response, *Request) error { panic("abort") },
			"/panic/exit":  func(*Response, *Request) error { panic("exit") },
			"/ok":          says("ok"),
		})
		rt.OnError = func(w *Response, r *Request, err error) {
			if err.Error() == "panic" {
				panic("in OnError")
			}
			w.Error(502, "OnError: "+err.Error())
		}
		rt.OnPanic = func(w *Response, r *Request, value any) {
			switch value {
			case "panic":
				panic("in OnPanic")
			case "abort":
				panic(ErrAbort)
			case "exit":
				runtime.Goexit()
			}
			w.Error(503, fmt.Sprintf("OnPanic: %v", value))
		}
		a := serve(t, transport, rt)
		c := a.dial()
		require.Equal(t, "OnError: plain secret\n", c.send(request("GET", "/error")).next("GET").body)
		require.Equal(t, "OnPanic: in OnError\n", c.send(request("GET", "/error/panic")).next("GET").body)
		require.Equal(t, "OnPanic: ouch\n", c.send(request("GET", "/panic")).next("GET").body)
		require.Zero(t, a.log.lines(), a.log.String())
		for path, lines := range map[string]int{"/error/half": 1, "/panic/panic": 2, "/panic/abort": 0, "/panic/exit": 0} {
			before := a.log.lines()
			require.NotContains(t, a.dial().send(request("GET", path)).ended(), "0\r\n\r\n", path)
			eventually(t, "the log", func() bool { return a.log.lines() >= before+lines })
			require.Equal(t, before+lines, a.log.lines(), a.log.String())
			// Nothing of it is left for the next request.
			for range 4 {
				got := a.get("/ok")
				require.Equal(t, "ok", got.body)
				require.Len(t, got.Header, 3)
			}
		}
		require.Contains(t, a.log.String(), "in OnPanic")
	})
}

// upper is a filter that shouts.
type upper struct{}

func (upper) Release()                                 {}
func (upper) Begin(w *Response, _ []byte, _ bool) bool { w.Set("X-Filter", "upper"); return true }
func (upper) End(dst []byte) ([]byte, error)           { return append(dst, '!'), nil }
func (upper) Append(dst, p []byte, _ bool) ([]byte, error) {
	if strings.Contains(string(p), "bad") {
		return dst, errors.New("bad piece")
	}
	return append(dst, strings.ToUpper(string(p))...), nil
}

func TestFilter(t *testing.T) {
	rt := by(map[string]Handler{
		"/whole":    says("abc"),
		"/empty":    says(""),
		"/large":    func(w *Response, _ *Request) error { return w.Bytes(200, "a/b", []byte(strings.Repeat("a", 50_000))) },
		"/flush":    func(w *Response, _ *Request) error { w.WriteString("a"); w.Flush(); w.WriteString("b"); return nil },
		"/coded":    func(w *Response, _ *Request) error { w.Set("Content-Encoding", "x"); return w.Text(200, "abc") },
		"/204":      func(w *Response, _ *Request) error { return w.Empty(204) },
		"/error":    func(w *Response, _ *Request) error { w.WriteString("abc"); return errPlain },
		"/bad":      says("bad"),
		"/bad/late": func(w *Response, _ *Request) error { begun(w); _, err := w.WriteString("bad"); return err },
	})
	rt.Const("GET /const", says("abc"))
	rt.Use(func(next Handler) Handler {
		return func(w *Response, r *Request) error { w.SetFilter(upper{}); return next(w, r) }
	})
	a := serve(t, "", rt)
	c := a.dial()
	for path, body := range map[string]string{"/whole": "ABC!", "/empty": "!", "/large": strings.Repeat("A", 50_000) + "!",
		"/flush": "AB!", "/coded": "abc", "/204": "", "/error": "Internal Server Error\n", "/const": "abc"} {
		got := c.send(request("GET", path)).next("GET")
		require.Equal(t, body, got.body, path)
		c.send(request("HEAD", path)).next("HEAD")
		c.alive()
	}
	for _, path := range []string{"/bad", "/bad/late"} {
		require.NotContains(t, a.dial().send(request("GET", path)).ended(), "0\r\n\r\n")
	}
}

// counted is upper that counts how often it was released.
type counted struct {
	upper
	released *atomic.Int32
}

func (c counted) Release() { c.released.Add(1) }

// However a response ends, its filter is released once.
func TestFilterIsReleased(t *testing.T) {
	var released atomic.Int32
	rt := by(map[string]Handler{
		"/whole":   says("abc"),
		"/204":     func(w *Response, _ *Request) error { return w.Empty(204) },
		"/error":   func(*Response, *Request) error { return errPlain },
		"/replace": func(w *Response, _ *Request) error { w.SetFilter(nil); return w.Text(200, "abc") },
		"/late": func(w *Response, _ *Request) error {
			begun(w)
			w.SetFilter(counted{released: &released}) // too late: released at once
			released.Add(-1)
			return nil
		},
		"/panic": func(*Response, *Request) error { panic("x") },
		"/abort": func(*Response, *Request) error { return ErrAbort },
		"/exit":  func(*Response, *Request) error { runtime.Goexit(); return nil },
	})
	rt.Const("GET /const", says("abc"))
	rt.Use(func(next Handler) Handler {
		return func(w *Response, r *Request) error { w.SetFilter(counted{released: &released}); return next(w, r) }
	})
	a := serve(t, "", rt)
	for _, path := range []string{"/whole", "/204", "/error", "/replace", "/late", "/panic", "/abort", "/exit", "/const"} {
		released.Store(0)
		c := a.dial()
		c.send(request("GET", path))
		require.Eventually(t, func() bool { return released.Load() == 1 }, 5*time.Second, time.Millisecond, path)
		c.Close()
	}
}
