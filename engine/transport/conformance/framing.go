package conformance

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

func (s suite) framing(t *testing.T) {
	t.Run("one after another", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		for i := range 20 {
			c.send(getPath(fmt.Sprint("/", i)))
			c.expect(answer(fmt.Sprintf("/%d ", i)))
		}
	})
	t.Run("byte by byte", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		for _, in := range []string{getPath("/a"), post("hello"), chunked("hello", 2)} {
			for i := range in {
				c.send(in[i : i+1])
			}
		}
		c.expect(answer("/a ") + answer("/ hello") + answer("/ hello"))
	})
	t.Run("pipelined", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		var in, out strings.Builder
		for i := range 3000 {
			in.WriteString(getPath(fmt.Sprint("/", i)))
			out.WriteString(answer(fmt.Sprintf("/%d ", i)))
			if i%7 == 0 {
				in.WriteString(post("body"))
				out.WriteString(answer("/ body"))
			}
		}
		go c.Write([]byte(in.String()))
		c.expect(out.String())
		c.send(get)
		c.expect(answer("/ "))
	})
	t.Run("pipelined, large answers", func(t *testing.T) {
		big := pattern(transport.OutHigh)
		c := s.serve(t, func(x *engine.Exchange) { reply(x, big) }).dial(t)
		c.send(strings.Repeat(get, 50))
		for range 50 {
			c.expect(answer(big))
		}
	})
	t.Run("a large head", func(t *testing.T) {
		sv := s.start(t, &engine.Server{Handler: handler(echo), HeadBytesMax: 1 << 20})
		c := sv.dial(t)
		go c.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("a", 1<<20-100) + "\r\n\r\n" + get))
		c.expect(answer("/ ") + answer("/ "))
	})
	t.Run("too large a head", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		go c.Write([]byte(get + "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("a", 1<<20)))
		out := c.rest()
		require.True(t, strings.HasPrefix(out, answer("/ ")+"HTTP/1.1 431 "), "%.200q", out)
	})
	t.Run("a bad head", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		c.send(get + "GET  / HTTP/1.1\r\n\r\n" + get)
		out := c.rest()
		require.True(t, strings.HasPrefix(out, answer("/ ")+"HTTP/1.1 400 Bad Request\r\n"), "%q", out)
		require.Equal(t, 1, strings.Count(out, "200 OK"))
	})
	t.Run("a bad head with much behind it", func(t *testing.T) {
		// What the server does not read must not make its kernel reset the connection under the answer.
		c := s.serve(t, echo).dial(t)
		c.send("x\r\n\r\n" + strings.Repeat("y", 100_000))
		require.Contains(t, c.rest(), "400 Bad Request")
	})
	t.Run("many connections", func(t *testing.T) {
		sv := s.serve(t, echo)
		var wg sync.WaitGroup
		for i := range 40 {
			c := sv.dial(t)
			wg.Go(func() {
				for j := range 50 {
					body := fmt.Sprint(i, "/", j)
					if _, err := c.Write([]byte(post(body))); err != nil {
						t.Error(err)
						return
					}
					want := answer("/ " + body)
					got := make([]byte, len(want))
					for n := 0; n < len(got); {
						k, err := c.r.Read(got[n:])
						if err != nil {
							t.Error(err)
							return
						}
						n += k
					}
					if string(got) != want {
						t.Errorf("connection %d got %q", i, got)
						return
					}
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 2000, sv.Counters().Requests)
	})
}
