package engine_test

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

type handlerFunc func(x *engine.Exchange)

func (f handlerFunc) ServeExchange(x *engine.Exchange) { f(x) }

func TestHello(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &engine.Server{Handler: handlerFunc(func(x *engine.Exchange) {
		x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"...))
	})}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	c.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
	b, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", string(b))
	require.NoError(t, s.Shutdown(t.Context()))
	require.Equal(t, transport.ErrStopped, <-done)
}
