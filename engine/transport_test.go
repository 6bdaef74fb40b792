package engine_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

type nothing struct{}

func (nothing) ServeExchange(*engine.Exchange) {}

// strange is a listener of somebody else's.
type strange struct{ net.Listener }

func TestRegisteredTransports(t *testing.T) {
	require.ErrorContains(t, engine.CheckTransport("gnet"), `import _ "github.com/peregrine-http/peregrine/engine/transport/gnet"`)
	require.ErrorContains(t, engine.CheckTransport("netpoll"), `import _ "github.com/peregrine-http/peregrine/engine/transport/netpoll"`)
	require.EqualError(t, engine.CheckTransport("pigeon"), `Server.Transport is "pigeon": want "epoll", "portable" or ""`)
	for _, name := range []string{"", "epoll", "portable"} {
		require.NoError(t, engine.CheckTransport(name))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, (&engine.Server{Handler: nothing{}, Transport: "gnet"}).Serve(l), "engine: Server.Transport")
	_, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err, "the listener is left alone")

	made := 0
	engine.RegisterTransport("pigeon", func(o transport.Options) (transport.Runner, error) {
		made++
		return portable.New(o)
	})
	require.NoError(t, engine.CheckTransport("pigeon"))
	require.EqualError(t, engine.CheckTransport("owl"), `Server.Transport is "owl": want "pigeon", "epoll", "portable" or ""`)
	for _, name := range []string{"pigeon", "epoll", "portable", ""} {
		require.Panics(t, func() { engine.RegisterTransport(name, portable.New) }, name)
	}
	s := &engine.Server{Handler: nothing{}, Transport: "pigeon"}
	require.EqualError(t, s.Serve(strange{l}), `engine: Server.Transport is "pigeon": the listener is a engine_test.strange: want a *net.TCPListener or a *net.UnixListener`)
	require.Zero(t, made)
	ended := make(chan error)
	go func() { ended <- s.Serve(l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	c.Close()
	require.NoError(t, s.Close())
	require.Equal(t, transport.ErrStopped, <-ended)
	require.Equal(t, 1, made)
}
