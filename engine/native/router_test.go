package native

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// tag is a middleware that leaves its name in the answer, on both sides of what it wraps.
func tag(name string) Middleware {
	return func(next Handler) Handler {
		return func(w *Response, r *Request) error {
			w.Add("X-In", name)
			err := next(w, r)
			w.Add("X-Out", name)
			return err
		}
	}
}

func TestGroups(t *testing.T) {
	rt := NewRouter()
	api := rt.Group("/api")
	v1 := api.Group("/v1")
	v1.Handle("GET /users/{id}", func(w *Response, r *Request) error {
		return w.Text(200, r.Pattern()+" "+string(r.Param("id")))
	})
	api.Handle("GET example.com/who/{$}", says("host"))
	tenant := rt.Group("/t/{tenant}")
	tenant.Handle("/f/{path...}", func(w *Response, r *Request) error {
		var all []string
		for name, value := range r.Params() {
			all = append(all, name+"="+string(value))
		}
		return w.Text(200, strings.Join(all, " "))
	})
	a := serve(t, "", rt)
	require.Equal(t, "GET /api/v1/users/{id} 7", a.get("/api/v1/users/7").body)
	require.Equal(t, 404, a.get("/users/7").StatusCode)
	require.Equal(t, "host", a.ask("GET /api/who/ HTTP/1.1\r\nHost: example.com\r\n\r\n").body)
	require.Equal(t, "host", a.ask("GET /api/who/ HTTP/1.1\r\nHost: example.com:8080\r\n\r\n").body)
	require.Equal(t, "host", a.ask("GET http://example.com:8080/api/who/ HTTP/1.1\r\nHost: h\r\n\r\n").body)
	require.Equal(t, 404, a.get("/api/who/").StatusCode)
	require.Equal(t, "tenant=a b path=x/y", a.get("/t/a%20b/f/x/y").body)

	for _, prefix := range []string{"api", "/api/", "/"} {
		require.Panics(t, func() { NewRouter().Group(prefix) }, prefix)
	}
}

func TestMiddlewareIsAnOnion(t *testing.T) {
	rt := NewRouter()
	g := rt.Group("/g")
	inner := g.Group("/i")
	inner.Handle("GET /x", says("x"))
	inner.Const("GET /const", says("const"))
	rt.Handle("GET /plain", says("plain"))
	rt.Handle("GET /dir/", says("dir"))
	// After the routes, and out of order.
	inner.Use(tag("5"))
	g.Use(tag("3"), tag("4"))
	rt.Use(tag("1"))
	rt.Use(tag("2"))
	onTransports(t, func(t *testing.T, transport string) {
		// A router serves as often as it likes.
		a := serve(t, transport, rt)
		for _, c := range []struct {
			request string
			status  int
			in      string
		}{
			{request("GET", "/g/i/x"), 200, "1|2|3|4|5"},
			{request("HEAD", "/g/i/x"), 200, "1|2|3|4|5"},
			{request("GET", "/g/i/const"), 200, "1|2|3|4|5"},
			{request("HEAD", "/g/i/const"), 200, "1|2|3|4|5"},
			{request("GET", "/plain"), 200, "1|2"},
			{request("GET", "/none"), 404, "1|2"},
			{request("GET", "/g/i/none"), 404, "1|2"},
			{request("POST", "/plain"), 405, "1|2"},
			{request("OPTIONS", "/plain"), 204, "1|2"},
			{request("OPTIONS", "*"), 204, "1|2"},
			{request("GET", "/dir"), 307, "1|2"},
			{request("GET", "//plain"), 307, "1|2"},
			{request("GET", "/plain", "Expect: magic"), 417, "1|2"},
			{request("GET", "/"+strings.Repeat("x", TargetBytesDefault)), 414, "1|2"},
		} {
			got := a.ask(c.request)
			require.Equal(t, c.status, got.StatusCode, c.request)
			require.Equal(t, c.in, got.get("X-In"), c.request)
			out := strings.Split(c.in, "|")
			for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
				out[i], out[j] = out[j], out[i]
			}
			require.Equal(t, strings.Join(out, "|"), got.get("X-Out"), c.request)
		}
	})
}

// TestMiddlewareDecides: it may answer by itself, change what came out, and turn errors into answers.
func TestMiddlewareDecides(t *testing.T) {
	rt := NewRouter()
	rt.Use(func(next Handler) Handler {
		return func(w *Response, r *Request) error {
			if string(r.Header("X-Key")) == "" {
				return w.Error(401, "who?")
			}
			if err := next(w, r); err != nil {
				return w.Error(418, "instead of "+err.Error())
			}
			return nil
		}
	})
	var ran atomic.Int32
	rt.Handle("/", func(w *Response, r *Request) error { ran.Add(1); return &Error{Status: 409, Message: "no"} })
	rt.Const("GET /const", says("const"))
	a := serve(t, "", rt)
	require.Equal(t, 401, a.get("/x").StatusCode)
	require.Equal(t, 401, a.get("/const").StatusCode)
	require.Zero(t, ran.Load())
	require.Equal(t, "instead of 409 no\n", a.get("/x", "X-Key: k").body)
	require.Equal(t, "const", a.get("/const", "X-Key: k").body)
}

func TestRegistrationPanics(t *testing.T) {
	panics := func(f func(rt *Router)) (text string) {
		t.Helper()
		defer func() { text = fmt.Sprint(recover()) }()
		f(NewRouter())
		return "no panic"
	}
	got := panics(func(rt *Router) {
		rt.Handle("GET /a/{x}", says(""))
		rt.Handle("GET /{y}/b", says(""))
	})
	require.Contains(t, got, "/a/{x}")
	require.Contains(t, got, "/{y}/b")
	got = panics(func(rt *Router) {
		rt.Handle("/same", says(""))
		rt.Group("/same").Const("GET /x", says(""))
		rt.Handle("/same", says(""))
	})
	require.Contains(t, got, "/same")
	for _, pattern := range []string{"", "GET", "GET x", "/{", "/{x", "/{x}{y}", "/{x...}/y", "/{}", "/{x}/{x}", "/a{$}",
		"G@T /x", "GET  host{x}/"} {
		got := panics(func(rt *Router) { rt.Handle(pattern, says("")) })
		require.Contains(t, got, "native: ", pattern)
	}
	require.Contains(t, panics(func(rt *Router) { rt.Handle("/nil", nil) }), "/nil")
	require.Contains(t, panics(func(rt *Router) { rt.Const("GET /nil", nil) }), "/nil")
	for _, pattern := range []string{"/const", "POST /const", "GET /{x}", "GET /x/{y...}"} {
		got := panics(func(rt *Router) { rt.Const(pattern, says("")) })
		require.Contains(t, got, pattern)
	}
	for _, name := range []string{"", "a b", "a:", "Content-Length", "transfer-encoding", "Connection", "ü"} {
		require.NotEqual(t, "no panic", panics(func(rt *Router) { rt.ResponseHeader(name, "x") }), name)
	}
	require.Contains(t, panics(func(rt *Router) { rt.ResponseHeader("X", "x", "/{") }), "native: ")
}

func TestRegisteringAfterStartPanics(t *testing.T) {
	rt := NewRouter()
	g := rt.Group("/g")
	rt.Handle("/", says("/"))
	a := serve(t, "", rt)
	require.Equal(t, "/", a.get("/").body)
	for name, f := range map[string]func(){
		"Handle":         func() { rt.Handle("/x", says("")) },
		"group":          func() { g.Handle("/x", says("")) },
		"Const":          func() { g.Const("GET /x", says("")) },
		"Group":          func() { rt.Group("/y") },
		"Use":            func() { g.Use(tag("x")) },
		"ResponseHeader": func() { rt.ResponseHeader("X", "x") },
		"RequestHeader":  func() { g.RequestHeader("X", "x") },
	} {
		require.Panics(t, f, name)
	}
}

func TestGlobalHeaders(t *testing.T) {
	rt := NewRouter()
	rt.ResponseHeader("X-All", "all")
	rt.ResponseHeader("X-Some", "some\r\nX-Evil: 1", "/open", "/g/{x}/open", "other.example/")
	rt.RequestHeader("X-Req", "global", "/open")
	g := rt.Group("/g")
	g.ResponseHeader("X-Group", "g")
	g.RequestHeader("X-Req", "group")
	h := func(w *Response, r *Request) error {
		var all []string
		for v := range r.HeaderValues("x-rEQ") {
			all = append(all, string(v))
		}
		return w.Text(200, string(r.Header("X-Req"))+": "+strings.Join(all, ","))
	}
	rt.Handle("/", h)
	g.Handle("/{x}/open", h)
	g.Handle("/{x}/closed", func(w *Response, r *Request) error {
		w.Set("X-All", "mine")
		w.Del("X-Group")
		return h(w, r)
	})
	a := serve(t, "", rt)
	for _, c := range []struct{ request, all, some, group, body string }{
		{request("GET", "/x", "X-Req: client"), "all", "some  X-Evil: 1", "", "global: global,client"},
		{request("GET", "/open", "X-Req: client"), "all", "", "", "client: client"},
		{request("GET", "/op%65n"), "all", "", "", ": "},
		{request("GET", "/g/1/open"), "all", "", "g", "group: group,global"},
		{request("GET", "/g/1/closed"), "mine", "some  X-Evil: 1", "", "group: group,global"},
		{"GET /x HTTP/1.1\r\nHost: other.example:80\r\n\r\n", "all", "", "", "global: global"},
	} {
		got := a.ask(c.request)
		require.Equal(t, []string{c.all, c.some, c.group}, []string{got.get("X-All"), got.get("X-Some"), got.get("X-Group")}, c.request)
		require.Equal(t, c.body, got.body, c.request)
		require.Empty(t, got.get("X-Evil"))
	}
	// What the router answers by itself has them too.
	require.Equal(t, "all", a.ask(request("OPTIONS", "*")).get("X-All"))
	require.Equal(t, "all", a.get("//x").get("X-All"))
}

func TestHeadOptionsAndMethods(t *testing.T) {
	rt := NewRouter()
	rt.Handle("GET /a", says("a"))
	rt.Handle("POST /a", says("posted"))
	rt.Handle("GET /o", says("o"))
	rt.Handle("OPTIONS /o", says("own options"))
	rt.Handle("HEAD /h", func(w *Response, _ *Request) error { w.Set("X-Own", "head"); return nil })
	rt.Handle("GET /h", says("h"))
	rt.Handle("/any", says("any"))
	a := serve(t, "", rt)

	head := a.ask(request("HEAD", "/a"))
	require.Equal(t, int64(1), head.ContentLength)
	require.Equal(t, "head", a.ask(request("HEAD", "/h")).get("X-Own"))
	require.Empty(t, a.get("/h").get("X-Own"))

	for _, method := range []string{"OPTIONS", "PUT"} {
		got := a.ask(request(method, "/a"))
		require.Equal(t, map[string]int{"OPTIONS": 204, "PUT": 405}[method], got.StatusCode)
		require.Equal(t, "GET, HEAD, OPTIONS, POST", got.get("Allow"))
	}
	require.Equal(t, "own options", a.ask(request("OPTIONS", "/o")).body)
	require.Equal(t, "any", a.ask(request("OPTIONS", "/any")).body)
	require.Equal(t, "any", a.ask(request("BREW", "/any")).body)
	require.Equal(t, 204, a.ask(request("OPTIONS", "*")).StatusCode)
	require.Equal(t, 404, a.ask(request("OPTIONS", "/none")).StatusCode)
	require.Equal(t, 400, a.ask(request("GET", "*")).StatusCode)
	require.Equal(t, 417, a.get("/a", "Expect: magic").StatusCode)
}

func TestNotFoundAndMethodNotAllowed(t *testing.T) {
	rt := NewRouter()
	rt.Handle("GET /a", says("a"))
	rt.NotFound = func(w *Response, r *Request) error {
		return w.Text(404, "no "+string(r.Path())+r.Pattern()+string(r.Param("x")))
	}
	rt.MethodNotAllowed = func(w *Response, r *Request) error {
		return w.Text(405, "not "+string(r.Method())+", "+string(w.Get("Allow")))
	}
	a := serve(t, "", rt)
	require.Equal(t, "no /b", a.get("/b").body)
	require.Equal(t, "not PUT, GET, HEAD, OPTIONS", a.ask(request("PUT", "/a")).body)
	require.Equal(t, 204, a.ask(request("OPTIONS", "/a")).StatusCode)
}

// TestOptions: Inline and Own change where a handler runs, not what it answers.
func TestOptions(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		rt := NewRouter()
		rt.Handle("POST /bounded", echo, Body(4))
		rt.Handle("POST /none", echo, Body(0))
		rt.Handle("POST /free", echo, Body(-1))
		rt.Handle("GET /inline", says("inline"), Inline())
		rt.Handle("GET /own", says("own"), Own())
		a := serve(t, transport, rt, func(s *Server) { s.BodyBytesMax = 8 })
		for path, most := range map[string]int{"/bounded": 4, "/none": 0, "/free": 1000} {
			for _, n := range []int{0, 4, 5, 1000} {
				want := 200
				if n > most {
					want = 413
				}
				require.Equal(t, want, a.ask(postTo(path, strings.Repeat("x", n))).StatusCode, "%s %d", path, n)
				require.Equal(t, want, a.ask(chunkedTo(path, strings.Repeat("x", n), 3)).StatusCode, "%s %d", path, n)
			}
		}
		c := a.dial()
		for range 20 {
			c.send(strings.Repeat(request("GET", "/inline")+request("GET", "/own"), 3))
			for range 3 {
				require.Equal(t, "inline", c.next("GET").body)
				require.Equal(t, "own", c.next("GET").body)
			}
		}
	})
}

// echo answers with the body.
func echo(w *Response, r *Request) error {
	body, err := r.Body()
	if err != nil {
		return err
	}
	return w.Bytes(200, "application/octet-stream", body)
}

func postTo(path, body string, fields ...string) string {
	return request("POST", path, append(fields, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

func chunkedTo(path, body string, size int) string {
	var b strings.Builder
	b.WriteString(request("POST", path, "Transfer-Encoding: chunked"))
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}
