package engine

import "context"

// Delegate serves the connections that Server.NextProto and Server.Preface have given away, and lives as long as the server
// does. Its methods may be called by any goroutine.
type Delegate interface {
	// Shutdown is called by Server.Shutdown, beside what that does itself: it waits until the delegate's connections have
	// ended, or until ctx is done, and returns its error.
	Shutdown(ctx context.Context) error
	// Close is called by Server.Close. It cuts the delegate's connections and does not wait.
	Close() error
	// EndKeepAlives is called by Server.EndKeepAlives.
	EndKeepAlives()
	// Counters returns counts of which those of requests, refusals and panics are added to the server's.
	Counters() Counters
}

// shutdownDelegate calls its Shutdown, and returns a function that waits for what that returns.
func (s *Server) shutdownDelegate(ctx context.Context) (wait func() error) {
	if s.Delegate == nil {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() { done <- s.Delegate.Shutdown(ctx) }()
	return func() error { return <-done }
}

// closeDelegate calls its Close.
func (s *Server) closeDelegate() error {
	if s.Delegate == nil {
		return nil
	}
	return s.Delegate.Close()
}

// addDelegate adds what its connections have done.
func (s *Server) addDelegate(c Counters) Counters {
	if s.Delegate != nil {
		d := s.Delegate.Counters()
		c.Requests += d.Requests
		c.Refused += d.Refused
		c.Panics += d.Panics
	}
	return c
}
