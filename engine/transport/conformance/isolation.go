package conformance

import (
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// isolation: what one handler does is no matter to the other connections.
func (s suite) isolation(t *testing.T) {
	odd := func(wait chan bool) handler {
		return func(x *engine.Exchange) {
			switch path(x) {
			case "/panic":
				panic("ouch")
			case "/goexit":
				runtime.Goexit()
			case "/wait":
				<-wait
			case "/body":
				io.Copy(io.Discard, bodyReader{x})
			case "/stuck":
				for x.Flush(make([]byte, 1<<20)) == nil {
				}
			}
			reply(x, path(x))
		}
	}
	t.Run("panic and Goexit", func(t *testing.T) {
		sv := s.serve(t, odd(nil))
		for range 5 {
			for _, p := range []string{"/panic", "/goexit"} {
				other, c := sv.dial(t), sv.dial(t)
				other.send(get)
				other.expect(answer("/"))
				c.send(getPath("/1"))
				c.expect(answer("/1"))
				c.send(getPath(p) + get)
				require.NotContains(t, c.cut(), "200")
				other.send(get)
				other.expect(answer("/"))
			}
		}
		require.Equal(t, 5, strings.Count(sv.logged(), "http: panic serving "))
		require.EqualValues(t, 10, sv.Counters().Panics)
	})
	t.Run("handlers that wait", func(t *testing.T) {
		wait := make(chan bool)
		sv := s.serve(t, odd(wait))
		var waiting []*client
		for i := range 40 {
			c := sv.dial(t)
			switch i % 4 {
			case 0, 1:
				c.send(getPath("/wait"))
				waiting = append(waiting, c)
			case 2:
				c.send(strings.TrimSuffix(strings.Replace(post("hello"), "POST /", "POST /body", 1), "lo"))
			case 3:
				c.send(getPath("/stuck"))
			}
		}
		fast := sv.dial(t)
		for range 100 {
			fast.send(get)
			fast.expect(answer("/"))
		}
		close(wait)
		for _, c := range waiting {
			c.expect(answer("/wait"))
		}
	})
	t.Run("handlers that stay and leave", func(t *testing.T) {
		wait := make(chan bool)
		sv := s.serve(t, func(x *engine.Exchange) {
			switch path(x) {
			case "/stay":
				x.Stay()
			case "/stay/flush":
				x.Stay()
				x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nst"...))
				x.Flush()
				<-wait
				x.SetOut(append(x.Out(), "ay"...))
				return
			case "/leave":
				x.Leave()
				<-wait
			case "/both":
				x.Stay()
				x.Leave()
				x.Stay()
				<-wait
			case "/":
				if !x.BodyDone() {
					x.Stay()
					echo(x)
					return
				}
			}
			reply(x, path(x))
		})
		var waiting []*client
		for range 3 { // known routes, too
			for _, p := range []string{"/leave", "/both", "/stay/flush"} {
				c := sv.dial(t)
				c.send(getPath("/stay"))
				c.expect(answer("/stay"))
				c.send(getPath(p) + getPath("/stay"))
				waiting = append(waiting, c)
			}
			late := sv.dial(t)
			late.send(strings.TrimSuffix(post("hello"), "lo"))
			fast := sv.dial(t)
			for range 20 {
				fast.send(get + getPath("/stay"))
				fast.expect(answer("/") + answer("/stay"))
			}
			late.send("lo")
			late.expect(answer("/ hello"))
		}
		close(wait)
		for i, c := range waiting {
			c.expect([]string{answer("/leave"), answer("/both"), answer("stay")}[i%3] + answer("/stay"))
		}
	})
	t.Run("a handler that calls its own server", func(t *testing.T) {
		var itself atomic.Pointer[server] // the kernel orders the two uses, which the race detector cannot see
		sv := s.serve(t, func(x *engine.Exchange) {
			if p := path(x); len(p) > 1 {
				c := itself.Load().dial(t)
				defer c.Close()
				c.send(getPath(p[:len(p)-1]))
				c.expect(answer(p[:len(p)-1]))
			}
			reply(x, path(x))
		})
		itself.Store(sv)
		c := sv.dial(t)
		for range 5 {
			c.send(getPath("/aaaaaa"))
			c.expect(answer("/aaaaaa"))
		}
	})
}
