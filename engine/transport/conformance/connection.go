package conformance

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

func (s suite) connection(t *testing.T) {
	t.Run("addresses", func(t *testing.T) {
		type seen struct{ remote, local, text string }
		got := make(chan seen, 1)
		c := s.serve(t, func(x *engine.Exchange) {
			c := x.Conn()
			got <- seen{c.RemoteAddr().String(), c.LocalAddr().String(), c.Remote()}
			reply(x, "")
		}).dial(t)
		c.send(get)
		want := seen{c.LocalAddr().String(), c.RemoteAddr().String(), c.LocalAddr().String()}
		if s.network == "unix" {
			// A Unix socket's client has no name, which is written in several ways.
			g := await(t, got, "the handler")
			require.Equal(t, want.local, g.local)
			require.Equal(t, g.remote, g.text)
		} else {
			require.Equal(t, want, await(t, got, "the handler"))
		}
		c.expect(answer(""))
	})
	t.Run("NetConn", func(t *testing.T) {
		var sv *server
		sv = s.start(t, &engine.Server{NetConns: true, Handler: handler(func(x *engine.Exchange) {
			nc := x.Conn().NetConn()
			require.NotNil(t, nc)
			require.Equal(t, nc, x.Conn().NetConn())
			require.Equal(t, x.Conn().Remote(), nc.RemoteAddr().String())
			require.Equal(t, sv.l, x.Conn().Listener())
			reply(x, "")
		})})
		c := sv.dial(t)
		c.send(get)
		c.expect(answer(""))
	})
	t.Run("states", func(t *testing.T) {
		var mu sync.Mutex
		var states []engine.ConnState
		note := func(st engine.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			states = append(states, st)
		}
		sv := s.start(t, &engine.Server{Handler: handler(echo), Hooks: engine.Hooks{
			Opened: func(*engine.Conn) { note(engine.StateNew) },
			State:  func(_ *engine.Conn, st engine.ConnState) { note(st) },
		}})
		c := sv.dial(t)
		for range 2 {
			c.send(get)
			c.expect(answer("/ "))
		}
		c.Close()
		eventually(t, "the end", func() bool { return sv.Counters().Open == 0 })
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, []engine.ConnState{engine.StateNew, engine.StateActive, engine.StateIdle,
			engine.StateActive, engine.StateIdle, engine.StateClosed}, states)
	})
}
