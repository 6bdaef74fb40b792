package conformance

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

func (s suite) endings(t *testing.T) {
	t.Run("asked to close", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		c.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		require.Equal(t, answer("/a "), c.rest())
	})
	t.Run("asked to close with a large answer", func(t *testing.T) {
		big := pattern(2 << 20)
		c := s.serve(t, func(x *engine.Exchange) { x.SetClose(false); reply(x, big) }).dial(t)
		c.send(get)
		require.True(t, answer(big) == c.rest())
	})
	t.Run("HTTP/1.0", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		c.send("GET /a HTTP/1.0\r\n\r\n")
		require.Equal(t, answer("/a "), c.rest())
	})
	t.Run("SetClose", func(t *testing.T) {
		for _, linger := range []bool{false, true} {
			c := s.serve(t, func(x *engine.Exchange) {
				x.SetClose(linger)
				reply(x, "bye")
			}).dial(t)
			c.send(get)
			require.Equal(t, answer("bye"), c.rest())
		}
	})
	t.Run("lingering saves the answer", func(t *testing.T) {
		// The body goes on coming after the answer; a plain close would reset the connection under it.
		c := s.serve(t, func(x *engine.Exchange) {
			x.SetClose(true)
			reply(x, "too large")
		}).dial(t)
		go c.Write([]byte(post(strings.Repeat("x", 200_000))))
		require.Equal(t, answer("too large"), c.rest())
	})
	t.Run("lingering ends", func(t *testing.T) {
		sv := s.serve(t, func(x *engine.Exchange) {
			x.SetClose(true)
			reply(x, "bye")
		})
		c := sv.dial(t)
		c.send(get)
		require.Equal(t, answer("bye"), c.rest())
		// The peer neither sends nor closes.
		eventually(t, "the connection to be closed", func() bool { return sv.Counters().Open == 0 })
	})
	t.Run("Abort", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) {
			reply(x, "never sent")
			x.Abort()
		}).dial(t)
		c.send(get)
		require.Empty(t, c.cut())
	})
	t.Run("Abort after a flush", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) {
			reply(x, "sent")
			x.Flush()
			x.SetOut(append(x.Out(), "not sent"...))
			x.Abort()
		}).dial(t)
		c.send(get)
		require.NotContains(t, c.cut(), "not sent")
	})
	t.Run("bad chunks", func(t *testing.T) {
		c := s.serve(t, echo).dial(t)
		c.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n" + get)
		out := c.rest()
		require.Equal(t, 1, strings.Count(out, "200 OK"), out)
		require.Contains(t, out, "error: httpparse: chunk-end")
	})
}
