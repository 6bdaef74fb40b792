package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type valueKey struct{}

type baseKey struct{}

func TestRequestViews(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		rt := NewRouter()
		a := new(app)
		rt.Handle("PUT /a/{id}/{rest...}", func(w *Response, r *Request) error {
			require.Equal(t, "PUT", string(r.Method()))
			require.Equal(t, "/a/x%2Fy/b/c?q=1&q=2", string(r.Target()))
			require.Equal(t, "/a/x%2Fy/b/c", string(r.Path()))
			require.Equal(t, "q=1&q=2", string(r.RawQuery()))
			require.Equal(t, "1", string(r.Query("q")))
			require.Nil(t, r.Query("none"))
			require.Equal(t, "h:80", string(r.Host()))
			require.Equal(t, 1, r.ProtoMinor())
			require.Equal(t, "PUT /a/{id}/{rest...}", r.Pattern())
			require.Equal(t, "x/y", string(r.Param("id")))
			require.Equal(t, "b/c", string(r.Param("rest")))
			require.Nil(t, r.Param("none"))
			require.Equal(t, "one", string(r.Header("X-List")))
			require.Nil(t, r.Header("X-None"))
			require.NotNil(t, r.Header("X-Empty"))
			require.Empty(t, r.Header("X-Empty"))
			require.Equal(t, "text/plain", string(r.ContentType()))
			require.EqualValues(t, 4, r.ContentLength())
			var names, list []string
			for name, value := range r.Headers() {
				names = append(names, string(name)+"="+string(value))
			}
			require.Equal(t, []string{"Host=h:80", "X-List=one", "x-empty=", "x-LIST=two",
				"Content-Type=text/plain; charset=x", "Content-Length=4"}, names)
			for value := range r.HeaderValues("x-list") {
				list = append(list, string(value))
			}
			require.Equal(t, []string{"one", "two"}, list)
			for range r.Headers() {
				break
			}
			for range r.HeaderValues("x-list") {
				break
			}
			for range r.Params() {
				break
			}
			for range r.QueryAll() {
				break
			}
			require.Equal(t, a.addr, r.LocalAddr().String())
			require.Equal(t, string(r.Header("X-None")), "")
			require.NotEqual(t, a.addr, r.RemoteAddr().String())

			require.Nil(t, r.Value(valueKey{}))
			require.Equal(t, "base", r.Value(baseKey{}))
			r.Set(valueKey{}, "mine")
			r.Set(baseKey{}, "mine too")
			require.Equal(t, "mine", r.Value(valueKey{}))
			require.Equal(t, "mine too", r.Value(baseKey{}))
			require.Equal(t, "base", r.Context().Value(baseKey{}))
			require.Same(t, r.Context(), r.Context())

			body, err := r.Body()
			require.NoError(t, err)
			again, err := r.Body()
			require.NoError(t, err)
			require.Equal(t, body, again)
			return w.Bytes(200, "x/y", body)
		})
		base := context.WithValue(context.Background(), baseKey{}, "base")
		a = serve(t, transport, rt, func(s *Server) { s.BaseContext = func(net.Listener) context.Context { return base } })
		c := a.dial()
		for range 2 { // values of the first must be gone
			c.send("PUT /a/x%2Fy/b/c?q=1&q=2 HTTP/1.1\r\nHost: h:80\r\nX-List: one\r\nx-empty:\r\nx-LIST: two\r\n" +
				"Content-Type: text/plain; charset=x\r\nContent-Length: 4\r\n\r\nbody")
			require.Equal(t, "body", c.next("PUT").body, a.log.String())
		}
	})
}

func TestRequestForms(t *testing.T) {
	a := serve(t, "", route1(func(w *Response, r *Request) error {
		return w.Text(200, fmt.Sprintf("%s %s %s %q", r.Target(), r.Path(), r.Host(), r.RawQuery()))
	}))
	for in, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n":                     `/ / h ""`,
		"GET /? HTTP/1.1\r\nHost: h\r\n\r\n":                    `/? / h ""`,
		"GET http://other HTTP/1.1\r\nHost: h\r\n\r\n":          `http://other / other ""`,
		"GET http://other?x HTTP/1.1\r\nHost: h\r\n\r\n":        `http://other?x / other "x"`,
		"GET http://other:80/p?x=y HTTP/1.1\r\nHost: h\r\n\r\n": `http://other:80/p?x=y /p other:80 "x=y"`,
		"GET /old HTTP/1.0\r\n\r\n":                             `/old /old  ""`,
	} {
		require.Equal(t, want, a.ask(in).body, in)
	}
	require.Equal(t, 404, a.ask("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n").StatusCode)
}

// TestQueryAgainstNetURL: names, values and what is left out are net/url's.
func TestQueryAgainstNetURL(t *testing.T) {
	for _, raw := range []string{"", "a", "a=", "=a", "=", "&", "a=1&b=2&a=3", "a=1;b=2&c=3", "%", "a=%", "a=%4", "a=%41", "%41=1&%4=2",
		"a+b=c+d", "a=%2B+%2b", "a=%zz&b=1", "a=b=c", "&&a=1&&", "%3D=%26&x=%00%ff", "a%3Bb=1", "\xff=\x80",
		strings.Repeat("k=%41&", 300)} {
		var q query
		q.parse([]byte(raw))
		want, _ := url.ParseQuery(raw)
		got := url.Values{}
		for _, p := range q.pairs {
			require.NotNil(t, p.name, raw)
			require.NotNil(t, p.value, raw)
			got.Add(string(p.name), string(p.value))
		}
		require.Equal(t, want, got, raw)
	}
}

// TestClone: a clone is what the request was, when the request is long gone.
func TestClone(t *testing.T) {
	clones := make(chan *Request, 2)
	rt := NewRouter()
	rt.RequestHeader("X-Global", "g")
	rt.Handle("POST /{id}", func(w *Response, r *Request) error {
		if r.Header("X-A") == nil {
			return nil
		}
		r.Set(valueKey{}, "v")
		clones <- r.Clone()
		if _, err := r.Body(); err != nil {
			return err
		}
		c := r.Clone()
		r.Set(valueKey{}, "w")
		clones <- c.Clone()
		return nil
	})
	base := context.WithValue(context.Background(), baseKey{}, "base")
	a := serve(t, "", rt, func(s *Server) { s.BaseContext = func(net.Listener) context.Context { return base } })
	c := a.dial().send(postTo("/%41?q=%42", "body", "X-A: 1"))
	c.next("POST")
	for range 10 {
		c.send(postTo("/zzzzz?z=zzzzzz", strings.Repeat("z", 500), "X-Z: z")).next("POST")
	}
	unread, r := <-clones, <-clones
	for _, r := range []*Request{unread, r} {
		require.Equal(t, "POST", string(r.Method()))
		require.Equal(t, "A", string(r.Param("id")))
		for name, value := range r.Params() {
			require.Equal(t, "id=A", name+"="+string(value))
		}
		require.Equal(t, "B", string(r.Query("q")))
		require.Equal(t, "1", string(r.Header("x-a")))
		require.Equal(t, "g", string(r.Header("x-global")))
		require.Equal(t, "POST /{id}", r.Pattern())
		require.Equal(t, "v", r.Value(valueKey{}))
		require.Equal(t, "base", r.Value(baseKey{}))
		require.Equal(t, base, r.Context())
		require.Equal(t, c.LocalAddr().String(), r.RemoteAddr().String())
		require.Equal(t, a.addr, r.LocalAddr().String())
		for range r.Trailers() {
			t.Fatal("trailers")
		}
		_, err := r.BodyReader().Read(make([]byte, 1))
		require.ErrorIs(t, err, ErrNoConn)
	}
	_, err := unread.Body()
	require.ErrorIs(t, err, ErrNoConn)
	body, err := r.Body()
	require.NoError(t, err)
	require.Equal(t, "body", string(body))
}

// TestBodies: whole and streamed, with a length and in chunks, small and large, on the bound and above it.
func TestBodies(t *testing.T) {
	stream := func(w *Response, r *Request) error {
		b, err := io.ReadAll(r.BodyReader())
		if err != nil {
			return err
		}
		_, err = r.BodyReader().Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		return w.Bytes(200, "x/y", b)
	}
	ignore := func(w *Response, _ *Request) error { return w.Text(200, "ignored") }
	onTransports(t, func(t *testing.T, transport string) {
		const bound = 100_000
		a := serve(t, transport, by(map[string]Handler{"/whole": echo, "/stream": stream, "/ignore": ignore}),
			func(s *Server) { s.BodyBytesMax = bound })
		c := a.dial()
		for _, n := range []int{0, 1, 100, 5000, 70_000, bound} {
			body := strings.Repeat("0123456789", n/10+1)[:n]
			for _, path := range []string{"/whole", "/stream"} {
				require.Equal(t, body, c.send(postTo(path, body)).next("POST").body)
				require.Equal(t, body, c.send(chunkedTo(path, body, 999)).next("POST").body)
			}
			require.Equal(t, "ignored", c.send(postTo("/ignore", body)).next("POST").body)
			require.Equal(t, "ignored", c.send(chunkedTo("/ignore", body, 999)).next("POST").body)
		}
		over := strings.Repeat("x", bound+1)
		for _, path := range []string{"/whole", "/stream"} {
			for _, in := range []string{postTo(path, over), chunkedTo(path, over, 999), request("POST", path, "Content-Length: 1000000000")} {
				c := a.dial()
				go io.WriteString(c.TCPConn, in)
				got := c.next("POST")
				require.Equal(t, 413, got.StatusCode)
				require.True(t, got.Close)
			}
		}
		require.Equal(t, "ignored", a.ask(postTo("/ignore", over)).body)
		for _, bad := range []string{"x\r\n", "5\r\nhello", "5\r\nhelloX\r\n", "-1\r\n", "fffffffffffffffff\r\n", "1;\x00\r\n"} {
			for _, path := range []string{"/whole", "/stream"} {
				c := a.dial().send(request("POST", path, "Transfer-Encoding: chunked") + bad)
				c.CloseWrite()
				got := c.next("POST")
				require.Equal(t, 400, got.StatusCode, bad)
				require.True(t, got.Close)
			}
		}
		// A body that ends too early.
		c = a.dial().send(request("POST", "/whole", "Content-Length: 10") + "12345")
		c.CloseWrite()
		require.Equal(t, 400, c.next("POST").StatusCode)
		require.Zero(t, a.log.lines(), a.log.String())
	})
}

func TestRequestTrailers(t *testing.T) {
	a := serve(t, "", route1(func(w *Response, r *Request) error {
		for range r.Trailers() {
			t.Error("trailers before the end")
		}
		if _, err := r.Body(); err != nil {
			return err
		}
		for name, value := range r.Trailers() {
			w.WriteString(string(name) + "=" + string(value) + ";")
		}
		return nil
	}))
	in := request("POST", "/", "Transfer-Encoding: chunked", "Trailer: X-A") + "1\r\nx\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n"
	require.Equal(t, "X-A=1;X-B=2;", a.ask(in).body)
}

// TestLate: heads and bodies that do not come in time are answered with 408.
func TestLate(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		rt := by(map[string]Handler{
			"/whole":  echo,
			"/ignore": func(w *Response, _ *Request) error { return w.Text(200, "ignored") },
			"/panic":  func(*Response, *Request) error { panic("unread") },
		})
		a := serve(t, transport, rt, func(s *Server) {
			s.ReadHeaderTimeout, s.BodyTimeout, s.BodyRateMin = 100*time.Millisecond, 100*time.Millisecond, 1<<20
		})
		c := a.dial().send("GET / HT")
		got := c.next("GET")
		require.Equal(t, 408, got.StatusCode)
		require.Empty(t, c.ended())
		c = a.dial() // the second head as well
		c.alive()
		require.Equal(t, 408, c.send("GET").next("GET").StatusCode)

		for _, in := range []string{
			request("POST", "/whole", "Content-Length: 10"), request("POST", "/whole", "Content-Length: 10") + "12345",
			request("POST", "/whole", "Transfer-Encoding: chunked") + "5\r\n123",
			request("POST", "/whole", "Content-Length: 10000"),
		} {
			c := a.dial().send(in)
			got := c.next("POST")
			require.Equal(t, 408, got.StatusCode)
			require.True(t, got.Close)
			require.Empty(t, c.ended())
		}
		require.Equal(t, 1, strings.Count(a.log.String()+"x", "x")) // nothing is logged
		// Nobody reads it, and still it is not waited for without end.
		for path, status := range map[string]int{"/ignore": 200, "/panic": 500} {
			c := a.dial().send(request("POST", path, "Content-Length: 10") + "12345")
			require.Equal(t, status, c.next("POST").StatusCode)
			require.Empty(t, c.ended())
		}
		eventually(t, "all connections to end", func() bool { return a.Counters().Open == 0 })
	})
}

// TestRates: with a rate, what counts is how much has come; with none, each wait has its own time.
func TestRates(t *testing.T) {
	for rate, status := range map[int64]int{1 << 30: 408, 1: 200, -1: 200} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel() // it waits
			// Longer than the bound in all, and each wait by so much less that a machine may stand still for a moment.
			a := serve(t, "", route1(echo), func(s *Server) { s.BodyTimeout, s.BodyRateMin = time.Second, rate })
			c := a.dial().send(request("POST", "/", "Content-Length: 40"))
			for range 20 {
				if _, err := io.WriteString(c.TCPConn, "xx"); err != nil {
					break
				}
				time.Sleep(65 * time.Millisecond)
			}
			require.Equal(t, status, c.next("POST").StatusCode)
		})
	}
}

func TestHeadBounds(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, route1(says("ok")), func(s *Server) { s.HeadBytesMax, s.TargetBytesMax, s.FieldsMax = 2000, 500, 10 })
		for in, status := range map[string]int{
			request("GET", "/"+strings.Repeat("x", 499)):                   200,
			request("GET", "/"+strings.Repeat("x", 500)):                   414,
			request("GET", "/", "X: "+strings.Repeat("x", 1000)):           200,
			request("GET", "/", "X: "+strings.Repeat("x", 2000)):           431,
			request("GET", "/", strings.Repeat("A: b\r\n", 8)+"A: b"):      200,
			request("GET", "/", strings.Repeat("A: b\r\n", 10)+"A: b"):     431,
			"GET / HTTP/1.1\r\n\r\n":                                       400,
			"GET / HTTP/1.1\r\nHost: h\r\nA b\r\n\r\n":                     400,
			"GET / HTTP/2.0\r\nHost: h\r\n\r\n":                            505,
			request("GET", "/", "Expect: x"):                               417,
			request("POST", "/", "Transfer-Encoding: gzip"):                501,
			request("POST", "/", "Content-Length: 1", "Content-Length: 2"): 400,
		} {
			require.Equal(t, status, a.ask(in).StatusCode, in)
		}
	})
}

// TestContext: it ends when the client leaves, when the handler has returned, and not before.
func TestContext(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		contexts := make(chan context.Context, 1)
		left := make(chan error, 1)
		a := serve(t, transport, by(map[string]Handler{
			"/wait": func(w *Response, r *Request) error {
				if _, err := r.Body(); err != nil {
					return err
				}
				contexts <- r.Context()
				select {
				case <-r.Context().Done():
					left <- r.Context().Err()
				case <-time.After(patience):
					left <- errors.New("nobody has left")
				}
				return nil
			},
			"/return": func(w *Response, r *Request) error {
				contexts <- r.Context()
				return r.Context().Err()
			},
		}))
		c := a.dial()
		require.Equal(t, 200, c.send(request("GET", "/return")).next("GET").StatusCode)
		ctx := <-contexts
		await(t, ctx.Done(), "the end of the context")
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		for _, leave := range []func(c *wire){
			func(c *wire) { c.Close() },
			func(c *wire) { c.SetLinger(0); c.Close() },
			func(c *wire) { c.CloseWrite() },
		} {
			c := a.dial().send(postTo("/wait", "body"))
			require.NoError(t, await(t, contexts, "the handler").Err())
			leave(c)
			require.ErrorIs(t, await(t, left, "the handler to notice"), context.Canceled)
		}
	})
}

// TestViewsAreSlices: a view does not reach into what stands behind it.
func TestViewsAreSlices(t *testing.T) {
	rt := NewRouter()
	rt.Handle("POST /{id}/x", func(w *Response, r *Request) error {
		body, _ := r.Body()
		views := [][]byte{r.Method(), r.Path(), r.Host(), r.RawQuery(), r.Param("id"), r.Query("q"), r.Header("X-A"), r.Target()}
		before := string(r.Target()) + string(r.Header("X-A")) + string(body)
		for _, v := range views {
			_ = append(slices.Clip(v[:len(v):len(v)]), "overwritten"...)
			_ = append(v, "overwritten"...)
		}
		if after := string(r.Target()) + string(r.Header("X-A")) + string(body); after != before {
			return w.Text(200, after)
		}
		return w.Text(200, "same")
	})
	require.Equal(t, "same", serve(t, "", rt).ask(postTo("/%41b/x?q=%42&z=1", "body", "X-A: 1")).body)
}
