package conformance

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

func (s suite) shutdown(t *testing.T) {
	// busy is a server with a connection whose handler waits, and an idle one.
	busy := func(t *testing.T) (sv *server, working, idle *client, release chan bool) {
		entered := make(chan bool)
		release = make(chan bool)
		sv = s.serve(t, func(x *engine.Exchange) {
			if path(x) == "/wait" {
				entered <- true
				<-release
			}
			reply(x, path(x))
		})
		working, idle = sv.dial(t), sv.dial(t)
		working.send(getPath("/wait"))
		idle.send(get)
		idle.expect(answer("/"))
		await(t, entered, "the handler")
		return
	}
	t.Run("waits for who works", func(t *testing.T) {
		sv, working, idle, release := busy(t)
		result := make(chan error, 1)
		go func() { result <- sv.Shutdown(context.Background()) }()
		require.Empty(t, idle.rest())
		await(t, sv.ended, "Serve to return")
		require.Equal(t, transport.ErrStopped, sv.err)
		require.True(t, sv.Draining())
		require.Empty(t, result)
		_, err := net.Dial(sv.l.Addr().Network(), sv.l.Addr().String())
		require.Error(t, err)
		release <- true
		require.Equal(t, answer("/wait"), working.rest())
		require.NoError(t, await(t, result, "Shutdown"))
		await(t, sv.runner.Done(), "the runner")
	})
	t.Run("gives up with its context", func(t *testing.T) {
		sv, working, _, release := busy(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, context.Canceled, sv.Shutdown(ctx))
		release <- true
		require.Equal(t, answer("/wait"), working.rest())
	})
	t.Run("loses no request that was begun", func(t *testing.T) {
		sv, working, _, release := busy(t)
		working.send(get + getPath("/2")) // pipelined
		result := make(chan error, 1)
		go func() { result <- sv.Shutdown(context.Background()) }()
		await(t, sv.ended, "Serve to return")
		release <- true
		out := working.cut()
		require.Contains(t, out, answer("/wait"))
		require.NoError(t, await(t, result, "Shutdown"))
	})
	t.Run("Close does not wait", func(t *testing.T) {
		sv, working, idle, release := busy(t)
		require.NoError(t, sv.Close())
		require.Empty(t, idle.cut())
		require.NotContains(t, working.cut(), "200")
		await(t, sv.ended, "Serve to return")
		require.Equal(t, transport.ErrStopped, sv.err)
		close(release)
	})
	t.Run("CloseIdle", func(t *testing.T) {
		sv, working, idle, release := busy(t)
		eventually(t, "the idle connection to be closed", func() bool {
			sv.CloseIdle()
			return sv.runner.Conns() == 1
		})
		require.Empty(t, idle.cut())
		release <- true
		working.expect(answer("/wait"))
		working.send(get)
		working.expect(answer("/"))
	})
	t.Run("under load", func(t *testing.T) {
		// Every request that was answered at all was answered whole, and the server comes to rest.
		sv := s.serve(t, func(x *engine.Exchange) { reply(x, "whole") })
		var wg sync.WaitGroup
		var answered atomic.Int64
		for range 20 {
			c := sv.dial(t)
			wg.Go(func() {
				want := answer("whole")
				for {
					if _, err := c.Write([]byte(get)); err != nil {
						return
					}
					got := make([]byte, len(want))
					for n := 0; n < len(got); {
						k, err := c.r.Read(got[n:])
						if n += k; err != nil {
							if n != 0 {
								t.Errorf("cut after %q", got[:n])
							}
							return
						}
					}
					answered.Add(1)
				}
			})
		}
		eventually(t, "load", func() bool { return answered.Load() > 500 })
		require.NoError(t, sv.Shutdown(t.Context()))
		wg.Wait()
		require.EqualValues(t, sv.Counters().Requests, answered.Load())
	})
	t.Run("the listener fails", func(t *testing.T) {
		sv, working, idle, release := busy(t)
		require.NoError(t, sv.l.Close())
		await(t, sv.ended, "Serve to return")
		require.Error(t, sv.err)
		require.NotEqual(t, transport.ErrStopped, sv.err)
		// Connections live on.
		idle.send(get)
		idle.expect(answer("/"))
		release <- true
		working.expect(answer("/wait"))
		idle.Close()
		working.Close()
		await(t, sv.runner.Done(), "the runner")
	})
	t.Run("before Serve", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		es := &engine.Server{Handler: handler(echo)}
		require.NoError(t, es.Shutdown(t.Context()))
		require.Equal(t, transport.ErrStopped, es.ServeOn(l, s.newRunner))
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
	})
}
