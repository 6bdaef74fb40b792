package conformance

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

func (s suite) disconnect(t *testing.T) {
	// blocked runs a handler that waits for its context after it has read the body, and answers then.
	blocked := func(t *testing.T) (c *client, entered chan *engine.Context, done chan struct{}) {
		entered, done = make(chan *engine.Context, 1), make(chan struct{})
		c = s.serve(t, func(x *engine.Exchange) {
			ctx := watched(x)
			io.Copy(io.Discard, bodyReader{x})
			entered <- ctx
			<-ctx.Done()
			close(done)
			reply(x, "sorry")
		}).dial(t)
		return c, entered, done
	}
	t.Run("the peer closes", func(t *testing.T) {
		for _, in := range []string{get, post("hello"), chunked("hello", 3)} {
			c, entered, done := blocked(t)
			c.send(in)
			await(t, entered, "the handler")
			c.Close()
			await(t, done, "the context to end")
		}
	})
	t.Run("the peer resets", func(t *testing.T) {
		c, entered, done := blocked(t)
		c.send(get)
		await(t, entered, "the handler")
		c.reset()
		await(t, done, "the context to end")
	})
	t.Run("the peer ends its side and still reads", func(t *testing.T) {
		c, entered, done := blocked(t)
		c.send(post("hello"))
		await(t, entered, "the handler")
		c.closeWrite()
		await(t, done, "the context to end")
		require.Equal(t, answer("sorry"), c.rest())
	})
	t.Run("the peer has ended its side before anybody asks", func(t *testing.T) {
		c, _, done := blocked(t)
		c.send(post("hello"))
		c.closeWrite()
		await(t, done, "the context to end")
		require.Equal(t, answer("sorry"), c.rest())
	})
	t.Run("requests, then the end", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		c.send(get + post("hello") + get)
		c.closeWrite()
		require.Equal(t, answer("/ ")+answer("/ hello")+answer("/ "), c.rest())
	})
	t.Run("half a head, then the end", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		c.send(get + get[:12])
		c.closeWrite()
		require.Equal(t, answer("/ "), c.rest())
	})
	t.Run("nothing, then the end", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		c.closeWrite()
		require.Empty(t, c.rest())
	})
	t.Run("half a body, then the end", func(t *testing.T) {
		for _, in := range []string{post("hello"), chunked("hello", 5)} {
			c := s.serve(t, echo).dial(t)
			c.send(in[:len(in)-4])
			c.closeWrite()
			require.Equal(t, answer("error: unexpected EOF"), c.rest())
		}
	})
	t.Run("the next request does not look like a peer that left", func(t *testing.T) {
		release := make(chan bool)
		c := s.serve(t, func(x *engine.Exchange) {
			ctx := watched(x)
			if path(x) == "/wait" {
				done := ctx.Done()
				x.Flush([]byte("!"))
				<-release
				select {
				case <-done:
					t.Error("the context has ended")
				default:
				}
			}
			reply(x, path(x))
		}).dial(t)
		c.send(getPath("/wait"))
		c.expect("!")
		c.send(getPath("/1") + getPath("/2"))
		c.send(getPath("/3"))
		release <- true
		c.expect(answer("/wait") + answer("/1") + answer("/2") + answer("/3"))
		// And the connection can be watched again.
		c.send(getPath("/wait"))
		c.expect("!")
		release <- true
		c.expect(answer("/wait"))
	})
	t.Run("contexts asked and released in turn", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) {
			watched(x).Done()
			echo(x)
		}).dial(t)
		for range 200 {
			c.send(get)
			c.expect(answer("/ "))
		}
		for range 20 {
			c.send(get + post("x"))
			c.expect(answer("/ ") + answer("/ x"))
		}
	})
	t.Run("a writer learns of a peer that has gone", func(t *testing.T) {
		result := make(chan error, 1)
		c := s.serve(t, func(x *engine.Exchange) {
			for {
				if err := x.Flush(make([]byte, 10_000)); err != nil {
					result <- err
					return
				}
			}
		}).dial(t)
		c.send(get)
		c.r.ReadByte()
		c.Close()
		require.Error(t, await(t, result, "a write to fail"))
	})
	t.Run("HungUp", func(t *testing.T) {
		first, second := make(chan bool, 1), make(chan bool, 1)
		wait := make(chan bool)
		c := s.serve(t, func(x *engine.Exchange) {
			ctx := watched(x)
			first <- x.HungUp()
			<-wait
			<-ctx.Done()
			second <- x.HungUp()
		}).dial(t)
		c.send(get)
		require.False(t, await(t, first, "the handler"))
		c.Close()
		close(wait)
		require.True(t, await(t, second, "the handler"))
	})
}
