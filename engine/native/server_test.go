package native

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// TestHooks: OnStart in order and before the first connection, OnStop the other way round and after the last.
func TestHooks(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		var order []string
		s := &Server{Router: route1(says("ok")), Transport: transport}
		s.BaseContext = func(net.Listener) context.Context { return context.WithValue(context.Background(), baseKey{}, "v") }
		hook := func(name string, err error) func(context.Context) error {
			return func(ctx context.Context) error {
				order = append(order, name)
				if ctx.Value(baseKey{}) == "v" {
					order = append(order, "base")
				}
				return err
			}
		}
		stopErr, otherErr := errors.New("stop"), errors.New("other")
		s.OnStart(func(ctx context.Context) error {
			s.OnStop(hook("added", otherErr)) // hooks may use the server
			s.Counters()
			return hook("start 1", nil)(ctx)
		})
		s.OnStart(hook("start 2", nil))
		s.OnStop(hook("stop 1", stopErr))
		s.OnStop(hook("stop 2", nil))
		l := loopback(t)
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		a := &app{Server: s, t: t, addr: l.Addr().String()}
		require.Equal(t, "ok", a.get("/").body)
		err := s.Shutdown(context.WithValue(context.Background(), baseKey{}, "v"))
		require.ErrorIs(t, err, stopErr)
		require.ErrorIs(t, err, otherErr)
		require.Equal(t, []string{"start 1", "base", "start 2", "base", "added", "base", "stop 2", "base", "stop 1", "base"}, order)
		require.ErrorIs(t, await(t, served, "Serve"), ErrServerClosed)
		require.NoError(t, s.Shutdown(context.Background())) // OnStop functions run once
		require.ErrorIs(t, s.Serve(loopback(t)), ErrServerClosed)
	})
}

func TestOnStartFails(t *testing.T) {
	var order []string
	errStart := errors.New("start")
	s := &Server{Router: route1(says("ok"))}
	ok := func(name string) func(context.Context) error {
		return func(context.Context) error { order = append(order, name); return nil }
	}
	s.OnStart(ok("1"))
	s.OnStart(func(context.Context) error { order = append(order, "2"); return errStart })
	s.OnStart(ok("3"))
	s.OnStop(ok("stop"))
	l := loopback(t)
	require.ErrorIs(t, s.Serve(l), errStart)
	_, err := net.Dial("tcp", l.Addr().String())
	require.Error(t, err, "the listener is closed")
	require.Equal(t, []string{"1", "2"}, order)
	require.NoError(t, s.Shutdown(context.Background())) // what 1 has begun can be ended
	require.Equal(t, []string{"1", "2", "stop"}, order)
}

func TestNeverServed(t *testing.T) {
	s := &Server{Router: route1(says("ok"))}
	s.OnStop(func(context.Context) error { return errors.New("nothing was started") })
	require.Zero(t, s.Counters())
	require.NoError(t, s.Shutdown(context.Background()))
	require.ErrorIs(t, s.Serve(loopback(t)), ErrServerClosed)
	s = &Server{Router: route1(says("ok"))}
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.ListenAndServe(), ErrServerClosed)
}

func TestTwoListeners(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		starts := 0
		s := &Server{Router: route1(says("ok")), Transport: transport}
		s.OnStart(func(context.Context) error { starts++; return nil })
		served := make(chan error, 2)
		var apps []*app
		for range 2 {
			l := loopback(t)
			go func() { served <- s.Serve(l) }()
			apps = append(apps, &app{Server: s, t: t, addr: l.Addr().String()})
		}
		for _, a := range apps {
			require.Equal(t, "ok", a.get("/").body)
		}
		require.EqualValues(t, 2, s.Counters().Requests)
		require.Equal(t, 1, starts)
		apps[0].stop()
		for range 2 {
			require.ErrorIs(t, await(t, served, "Serve"), ErrServerClosed)
		}
		for _, a := range apps {
			_, err := net.Dial("tcp", a.addr)
			require.Error(t, err)
		}
	})
}

func TestBadConfiguration(t *testing.T) {
	rt := route1(says("ok"))
	for field, s := range map[string]*Server{
		"Router":         {},
		"Transport":      {Router: rt, Transport: "pigeon"},
		"Loops":          {Router: rt, Loops: -1},
		"HeadBytesMax":   {Router: rt, HeadBytesMax: -1},
		"TargetBytesMax": {Router: rt, TargetBytesMax: -1},
		"BaseContext":    {Router: rt, BaseContext: func(net.Listener) context.Context { return nil }},
	} {
		l := loopback(t)
		require.ErrorContains(t, s.Serve(l), "Server."+field)
		_, err := net.Dial("tcp", l.Addr().String())
		require.Error(t, err, field)
	}
	require.ErrorContains(t, (&Server{Router: rt, Addr: "256.0.0.1:bad"}).ListenAndServe(), "bad")
}

// TestShutdown waits for handlers and no longer than its context; Close waits for nobody.
func TestShutdown(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		entered, goOn := make(chan bool, 2), make(chan bool)
		a := serve(t, transport, route1(func(w *Response, _ *Request) error {
			entered <- true
			<-goOn
			return w.Text(200, "done")
		}))
		idle, busy := a.dial(), a.dial()
		idle.alive()
		busy.send(request("GET", "/"))
		await(t, entered, "the handler")
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, a.Shutdown(ctx), context.DeadlineExceeded)
		require.Empty(t, idle.ended())
		close(goOn)
		require.Equal(t, "done", busy.next("GET").body)
		a.stop()
	})
	entered, goOn := make(chan bool, 1), make(chan bool)
	a := serve(t, "", route1(func(w *Response, _ *Request) error { entered <- true; <-goOn; return nil }))
	c := a.dial().send(request("GET", "/"))
	await(t, entered, "the handler")
	require.NoError(t, a.Close())
	c.ended()
	close(goOn)
}

// TestIdleTimeout: a connection without a request is closed, without a word.
func TestIdleTimeout(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, route1(says("ok")), func(s *Server) { s.IdleTimeout, s.ReadHeaderTimeout = 30*time.Millisecond, 60*time.Millisecond })
		c, fresh := a.dial(), a.dial()
		c.alive()
		require.Empty(t, c.ended())
		require.Empty(t, fresh.ended())
	})
}

// TestDefaults: a zero field means its default, a negative one no bound.
func TestDefaults(t *testing.T) {
	d := (&Server{}).settled()
	require.Equal(t, HeadBytesDefault, d.HeadBytesMax)
	require.Equal(t, TargetBytesDefault, d.TargetBytesMax)
	require.EqualValues(t, BodyBytesDefault, d.BodyBytesMax)
	require.EqualValues(t, BodyRateDefault, d.BodyRateMin)
	require.Equal(t, []time.Duration{ReadHeaderTimeoutDefault, BodyTimeoutDefault, WriteTimeoutDefault, IdleTimeoutDefault},
		[]time.Duration{d.ReadHeaderTimeout, d.BodyTimeout, d.WriteTimeout, d.IdleTimeout})
	a := serve(t, "", route1(echo), func(s *Server) {
		s.BodyBytesMax, s.BodyRateMin = -1, -1
		s.ReadHeaderTimeout, s.BodyTimeout, s.WriteTimeout, s.IdleTimeout = -1, -1, -1, -1
	})
	body := string(slices.Repeat([]byte("x"), BodyBytesDefault+1))
	c := a.dial()
	go c.TCPConn.Write([]byte(postTo("/", body) + "GET"))
	require.True(t, body == c.next("POST").body)
	time.Sleep(20 * time.Millisecond)
	require.Equal(t, 200, c.send(request("", " /")[1:]).next("GET").StatusCode)
}
