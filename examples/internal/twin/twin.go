// Package twin tests an example as what it claims to be: a net/http program with one word changed.
//
// Run serves the example's server on a real socket and hands the address to a check, and then does the same with an
// http.Server of the same fields. Program runs the example's main as a process of its own, by starting the test
// binary again. Both need nothing from the example but its newServer and its main.
//
// Invariant: a check cannot tell which of the two servers it talks to, so an assertion that only one of them meets
// fails the test.
package twin

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// Run calls check as a subtest for each of the two servers, with the server's address, "127.0.0.1:port". newServer is
// called once for each, so that the application behind it starts afresh. It blocks until both have shut down, which
// must succeed: a check leaves no request running.
func Run(t *testing.T, newServer func(addr string) *nethttp.Server, check func(t *testing.T, addr string)) {
	t.Run("nethttp.Server", func(t *testing.T) {
		check(t, serve(t, newServer("")))
	})
	t.Run("http.Server", func(t *testing.T) {
		check(t, serve(t, netHTTP(newServer(""))))
	})
}

// server is what the two types have in common here.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	RegisterOnShutdown(func())
}

// serve starts s and returns its address; the test's end shuts it down.
func serve(t *testing.T, s server) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx), "a request is still running")
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return l.Addr().String()
}

// netHTTP returns an http.Server with s's fields.
func netHTTP(s *nethttp.Server) *http.Server {
	twin := new(http.Server)
	from, to := reflect.ValueOf(s).Elem(), reflect.ValueOf(twin).Elem()
	for i := range to.NumField() {
		field := to.Type().Field(i)
		if field.IsExported() {
			to.Field(i).Set(from.FieldByName(field.Name))
		}
	}
	// What is registered is not a field. Shutting the one down tells the functions that were registered with the other.
	twin.RegisterOnShutdown(func() { s.Shutdown(context.Background()) })
	return twin
}
