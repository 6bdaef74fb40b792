package nethttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// headSlop is what net/http tolerates above MaxHeaderBytes: the size of its read buffer.
const headSlop = 4096

// serving is one call of Serve: the engine that runs it and the fields as they were when it began.
type serving struct {
	srv     *Server
	eng     *engine.Server
	handler http.Handler
	shadow  *http.Server    // the delegate, the value of http.ServerContextKey
	base    context.Context // requests descend from it, unless their connection has a context of its own

	returned chan struct{} // closed when Serve has, and its listener is
}

// Serve accepts connections from l and answers their requests until l fails or the server ends. It closes l and
// never returns nil; after Shutdown or Close the error is [http.ErrServerClosed].
func (s *Server) Serve(l net.Listener) error { return s.serve(l, nil) }

// serve is Serve, with TLS by config if it is not nil.
func (s *Server) serve(l net.Listener, config *tls.Config) error {
	if l == nil {
		return errors.New("nethttp: Serve: the listener is nil")
	}
	if err := s.check(); err != nil {
		l.Close()
		return err
	}
	delegate, err := s.delegate(false)
	if err != nil {
		l.Close()
		return err
	}
	sv := s.newServing(delegate, config)
	if !s.track(sv) {
		l.Close()
		return http.ErrServerClosed
	}
	defer close(sv.returned)
	sv.base = context.Background()
	if s.BaseContext != nil {
		if sv.base = s.BaseContext(l); sv.base == nil {
			panic("BaseContext returned a nil context")
		}
	}
	err = sv.eng.Serve(l)
	if s.inShutdown.Load() || errors.Is(err, transport.ErrStopped) {
		return http.ErrServerClosed
	}
	return err
}

// check names the first field whose value makes no sense, before anything is opened.
func (s *Server) check() error {
	if err := engine.CheckTransport(s.Transport); err != nil {
		return fmt.Errorf("nethttp: %w", err)
	}
	switch {
	case s.Loops < 0 || s.Loops > engine.LoopsMax:
		return fmt.Errorf("nethttp: Server.Loops is %d; it must be from 0 to %d", s.Loops, engine.LoopsMax)
	case s.Protocols != nil && *s.Protocols == http.Protocols{}:
		return fmt.Errorf("nethttp: Server.Protocols is %v; it must include one", s.Protocols)
	}
	return nil
}

func (s *Server) newServing(delegate *http.Server, config *tls.Config) *serving {
	sv := &serving{srv: s, handler: s.Handler, shadow: delegate, returned: make(chan struct{})}
	if sv.handler == nil {
		sv.handler = http.DefaultServeMux
	}
	headBytes := s.MaxHeaderBytes
	if headBytes <= 0 {
		headBytes = http.DefaultMaxHeaderBytes
	}
	sv.eng = &engine.Server{
		Handler:           sv,
		Transport:         s.Transport,
		Loops:             s.Loops,
		HeadBytesMax:      headBytes + headSlop,
		FieldsMax:         -1,
		ReadHeaderTimeout: positive(orElse(s.ReadHeaderTimeout, s.ReadTimeout)),
		ReadTimeout:       positive(s.ReadTimeout),
		WriteTimeout:      positive(s.WriteTimeout),
		IdleTimeout:       positive(orElse(s.IdleTimeout, s.ReadTimeout)),
		TLS:               config,
		TLSContext:        sv.handshakeContext,
		Hooks:             engine.Hooks{KeepAlive: s.keeps},
		Logf:              s.logf,
	}
	sv.eng.NetConns = s.ConnContext != nil || s.ConnState != nil
	if sv.eng.NetConns {
		sv.eng.Hooks.Opened = sv.opened
	}
	if s.ConnState != nil {
		sv.eng.Hooks.State = sv.state
	}
	sv.delegates(s.protocols(delegate))
	return sv
}

// opened runs on the accepting goroutine, where net/http calls ConnContext and reports StateNew too. A connection keeps the
// context that ConnContext made, as its engine.Conn.Value.
func (sv *serving) opened(c *engine.Conn) {
	if f := sv.srv.ConnContext; f != nil {
		ctx := f(context.WithValue(sv.base, http.ServerContextKey, sv.shadow), c.NetConn())
		if ctx == nil {
			panic("ConnContext returned nil")
		}
		c.SetValue(ctx)
	}
	if f := sv.srv.ConnState; f != nil {
		f(c.NetConn(), http.StateNew)
	}
}

// parent returns the context that all requests of c descend from.
func (sv *serving) parent(c *engine.Conn) context.Context {
	if ctx, ok := c.Value().(context.Context); ok {
		return ctx
	}
	return sv.base
}

func (sv *serving) state(c *engine.Conn, s engine.ConnState) {
	switch s {
	case engine.StateActive:
		sv.srv.ConnState(c.NetConn(), http.StateActive)
	case engine.StateIdle:
		sv.srv.ConnState(c.NetConn(), http.StateIdle)
	case engine.StateHijacked:
		sv.srv.ConnState(c.NetConn(), http.StateHijacked)
	case engine.StateClosed:
		sv.srv.ConnState(c.NetConn(), http.StateClosed)
	}
}

// track adds sv to those that Shutdown and Close reach, and forgets those that have ended. It reports false after
// either of them.
func (s *Server) track(sv *serving) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inShutdown.Load() {
		return false
	}
	live := s.servings[:0]
	for _, old := range s.servings {
		if !old.ended() {
			live = append(live, old)
		}
	}
	clear(s.servings[len(live):])
	s.servings = append(live, sv)
	return true
}

func (s *Server) snapshot() []*serving {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*serving(nil), s.servings...)
}

// RegisterOnShutdown has f called, on a goroutine of its own, by each Shutdown, when the listeners are closed.
func (s *Server) RegisterOnShutdown(f func()) {
	s.mu.Lock()
	s.onShutdown = append(s.onShutdown, f)
	s.mu.Unlock()
}

// Shutdown stops accepting, closes idle connections, and waits until the others have answered their requests, or
// until ctx is done, whose error it then returns. Hijacked connections are not waited for.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.inShutdown.Store(true) // under the lock: track sees either this or is seen by snapshot
	hooks := slices.Clone(s.onShutdown)
	s.mu.Unlock()
	servings := s.snapshot()
	var ends []func(context.Context) error
	for _, sv := range servings {
		ends = append(ends, sv.eng.Shutdown)
	}
	if d := s.theDelegate(); d != nil {
		ends = append(ends, d.Shutdown)
	}
	errs := make(chan error, len(ends))
	for _, end := range ends {
		go func() { errs <- end(ctx) }()
	}
	go func() { // Serve may be in BaseContext, and that here
		for _, sv := range servings {
			select {
			case <-sv.returned:
			case <-ctx.Done():
			}
		}
		for _, f := range hooks {
			go f()
		}
	}()
	var first error
	for range ends {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

// Close stops accepting and cuts every connection that has not been hijacked. It does not wait for handlers.
func (s *Server) Close() error {
	s.mu.Lock()
	s.inShutdown.Store(true)
	s.mu.Unlock()
	var first error
	for _, sv := range s.snapshot() {
		if err := sv.eng.Close(); first == nil {
			first = err
		}
	}
	if d := s.theDelegate(); d != nil {
		d.Close()
	}
	return first
}

// SetKeepAlivesEnabled with false closes idle connections, and each other one after its response; those of HTTP/2 after
// the responses that run next. The default is true.
func (s *Server) SetKeepAlivesEnabled(v bool) {
	s.disableKeepAlives.Store(!v)
	if v {
		s.ending.Store(false)
	}
	if d := s.theDelegate(); d != nil {
		d.SetKeepAlivesEnabled(v)
	}
	if !v {
		for _, sv := range s.snapshot() {
			sv.eng.CloseIdle()
		}
	}
}

// EndKeepAlives makes each response from now on the last of its connection. Unlike SetKeepAlivesEnabled it closes nothing,
// so that a request that is on its way is answered: what to do some time before Shutdown.
func (s *Server) EndKeepAlives() {
	s.ending.Store(true)
	if d := s.theDelegate(); d != nil {
		d.SetKeepAlivesEnabled(false) // which leaves HTTP/2 connections open until they have answered
	}
}

func orElse(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}

func positive(d time.Duration) time.Duration { return max(d, 0) }

// ended reports whether nothing is left to shut down.
func (sv *serving) ended() bool {
	select {
	case <-sv.returned:
		return sv.eng.Counters().Open == 0
	default:
		return false
	}
}
