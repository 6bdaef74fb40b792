package processes

import (
	"context"
	"time"
)

// Serve serves srv on all listeners, calls Ready, waits for Draining, drains, and returns nil; or what srv.Serve says, if
// that ends before. A server whose Serve takes long before it accepts is called ready too early by it: let it call Ready
// itself, and Serve on its listeners.
//
// The drain: the listeners are closed, and every response becomes the last of its connection (see Server); that goes on for
// Options.Linger; then Shutdown, for Options.Grace; then Close. Shutdown must not come while Serve is accepting, nor at once
// after it: net/http's does not know of a connection that Serve has in its hands, and drops one that has been accepted and
// whose first request has not been read. What the kernel has queued belongs to a successor, which has the same socket.
//
// What can be lost is what HTTP cannot save: a client that is silent all through Options.Linger, and sends at the very moment
// at which its connection is closed, has to ask again (RFC 9112, Section 9.3.1); and a response whose head was sent
// before the drain began cannot say that it is the last.
func (w *Worker) Serve(srv Server) error {
	served := make(chan error, len(w.listeners))
	left := len(w.listeners)
	for _, l := range w.listeners {
		go func() { served <- srv.Serve(l) }()
	}
	defer func() {
		srv.Close()
		for range left {
			<-served
		}
	}()
	failed := func(err error) error {
		left--
		return err
	}
	select {
	case err := <-served:
		return failed(err)
	case <-time.After(startFailure):
	}
	w.Ready()
	select {
	case err := <-served:
		return failed(err)
	case <-w.draining:
	}
	if s, ok := srv.(interface{ EndKeepAlives() }); ok {
		s.EndKeepAlives()
	}
	ctx, cancel := context.WithTimeout(w.ctx, w.o.Linger+w.o.Grace)
	defer cancel()
	w.close()
	for left > 0 && ctx.Err() == nil {
		select {
		case <-served:
			left--
		case <-ctx.Done():
		}
	}
	w.linger(ctx)
	err := srv.Shutdown(ctx)
	if ctx.Err() == nil {
		return err
	}
	w.o.Logger.Warn("processes: cutting what is still running", "worker", w.index, "grace", w.o.Grace, "open", w.open())
	return nil
}

// linger lets connections end by themselves. It returns when the time is over or none is open. The time is counted in ticks,
// which come to a process that runs: requests that have come to one that had no core meanwhile are still to be read.
func (w *Worker) linger(ctx context.Context) {
	look := time.NewTicker(tickEvery)
	defer look.Stop()
	for left := w.o.Linger; left > 0 && (w.o.Counters == nil || w.open() > 0); left -= tickEvery {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// open is how many connections are open, if anybody counts.
func (w *Worker) open() uint64 {
	if w.o.Counters == nil {
		return 0
	}
	return w.o.Counters().Open
}
