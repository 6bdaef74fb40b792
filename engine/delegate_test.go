package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// delegate writes down what it is told.
type delegate struct {
	told  []string
	leave chan error
}

func (d *delegate) Shutdown(ctx context.Context) error {
	d.told = append(d.told, "shutdown")
	return <-d.leave
}
func (d *delegate) Close() error {
	d.told = append(d.told, "close")
	return errors.New("closed")
}
func (d *delegate) EndKeepAlives() { d.told = append(d.told, "end") }
func (d *delegate) Counters() engine.Counters {
	return engine.Counters{Accepted: 10, Open: 10, Requests: 5, Refused: 2, Panics: 1}
}

// A delegate lives and ends with its server, and what it has done counts.
func TestDelegate(t *testing.T) {
	d := &delegate{leave: make(chan error)}
	s := &engine.Server{Handler: hi, Delegate: d}
	l := listen(t)
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	ask(t, l).Close()
	counters := s.Counters()
	require.Equal(t, []uint64{1, 6, 2, 1}, []uint64{counters.Accepted, counters.Requests, counters.Refused, counters.Panics})

	s.EndKeepAlives()
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	require.Equal(t, transport.ErrStopped, <-served)
	failure := errors.New("not all")
	select {
	case err := <-done:
		t.Fatal("Shutdown has not waited for the delegate", err)
	case d.leave <- failure:
	}
	require.Equal(t, failure, <-done)
	require.EqualError(t, s.Close(), "closed")
	require.Equal(t, []string{"end", "shutdown", "close"}, d.told)
}
