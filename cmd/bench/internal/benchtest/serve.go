package benchtest

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// Serve serves the application by the named server until the test ends, and returns its URL.
func Serve(t *testing.T, name string, o servers.Options) (servers.Server, string) {
	dir, err := servers.MakeFiles()
	require.NoError(t, err)
	s, err := servers.New(name, dir, o)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		<-done
		require.NoError(t, os.RemoveAll(dir))
	})
	if o.TLS {
		return s, "https://" + l.Addr().String()
	}
	return s, "http://" + l.Addr().String()
}

// Serving is Serve with nothing but a name.
func Serving(t *testing.T, name string) (url string) {
	_, url = Serve(t, name, servers.Options{})
	return url
}

// Speaking are the servers that have WebSockets. nbio hands its connections from goroutine to goroutine by way of the kernel,
// where the race detector cannot follow.
func Speaking() (some []servers.Candidate) {
	for _, s := range servers.All {
		if s.Sockets != servers.SocketsNone && !(s.Name == "nbio" && Race) {
			some = append(some, s)
		}
	}
	return some
}
