package native

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// Server serves a Router. Its fields must not change after the first Serve. All its methods may be called by any goroutine.
//
// A field that is zero means its default, a negative timeout none.
type Server struct {
	// Addr is where ListenAndServe and ListenAndServeTLS listen, in the syntax of package listen: "HOST:PORT", "unix:PATH",
	// "unix:@NAME". Default ":http" and ":https".
	Addr string
	// Addrs are more addresses to listen on; if there are any, Addr may be empty and then is none.
	Addrs []string
	// Listen says how their sockets are opened.
	Listen listen.Config
	// Proxies says whose word about a request's client is taken. Default: nobody's.
	Proxies Proxies
	// Router answers the requests. Required.
	Router *Router
	// Transport is "epoll", "portable", "" for what fits, or one that the program imports; see engine.Server.
	Transport string
	// Loops is the number of event loops. Default GOMAXPROCS.
	Loops int
	// HeadBytesMax bounds a request's head in bytes: 431 above. Default HeadBytesDefault.
	HeadBytesMax int
	// FieldsMax bounds the field lines of a head: 431 above. Default 256.
	FieldsMax int
	// TargetBytesMax bounds the request-target in bytes: 414 above. Default TargetBytesDefault.
	TargetBytesMax int
	// BodyBytesMax bounds what a handler can read of a body, in bytes: 413 above. Default BodyBytesDefault. A negative
	// number means no bound. Body sets another for one route.
	BodyBytesMax int64
	// ReadHeaderTimeout bounds the time from a head's first byte (for the first head: from accept) to its end: 408.
	// Default ReadHeaderTimeoutDefault.
	ReadHeaderTimeout time.Duration
	// BodyTimeout and BodyRateMin bound how slowly a body may come: after BodyTimeout its bytes must have come at
	// BodyRateMin bytes a second: 408. Defaults BodyTimeoutDefault and BodyRateDefault. With a negative rate no wait for
	// the next bytes may be longer than BodyTimeout, and that is all.
	BodyTimeout time.Duration
	BodyRateMin int64
	// WriteTimeout bounds how long a peer may take nothing of a response that waits for it; then the connection is cut.
	// Default WriteTimeoutDefault.
	WriteTimeout time.Duration
	// IdleTimeout bounds the wait for the next request. Default IdleTimeoutDefault.
	IdleTimeout time.Duration
	// TLSConfig is used, cloned, by ServeTLS and ListenAndServeTLS. May be nil.
	TLSConfig *tls.Config
	// HandshakeTimeout bounds the time from accept to the end of TLS's handshake. Default HandshakeTimeoutDefault.
	HandshakeTimeout time.Duration
	// BaseContext makes the parent of all requests' contexts. Default context.Background.
	BaseContext func(net.Listener) context.Context
	// Logger gets what nobody else can be told. Default slog.Default.
	Logger *slog.Logger

	beginning sync.Mutex // held while the first Serve prepares

	mu      sync.Mutex // guards the following
	engine  *engine.Server
	onStart []func(context.Context) error // that have not run
	onStop  []func(context.Context) error
	started bool // an OnStart function may have run
	stopped bool // Shutdown or Close has been called

	extension *extension // nil: none
}

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("native: Server closed")

// OnStart adds a function to be called before the first connection is accepted, with the base context; they run in their
// order, and the first error is what Serve returns.
func (s *Server) OnStart(f func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onStart = append(s.onStart, f)
}

// OnStop adds a function to be called by Shutdown when the last connection has ended, with Shutdown's context; the last
// added runs first, and all run. Shutdown returns their errors, joined.
func (s *Server) OnStop(f func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onStop = append(s.onStop, f)
}

// ListenAndServe listens on Addr and Addrs, all of them or none, and serves. It always returns an error: see Serve. If
// accepting fails at one address, the others are closed.
func (s *Server) ListenAndServe() error {
	ls, err := s.listen(":http")
	if err != nil {
		return err
	}
	return listen.Serve(ls, s.Serve)
}

func (s *Server) listen(addr string) ([]net.Listener, error) {
	addrs := s.Addrs
	switch {
	case s.Addr != "":
		addrs = append([]string{s.Addr}, addrs...)
	case len(addrs) == 0:
		addrs = []string{addr}
	}
	return s.Listen.All(addrs...)
}

// Serve accepts connections from l, which it closes at the end, and answers them. It blocks, and returns ErrServerClosed
// after Shutdown or Close, otherwise what went wrong: a field with a bad value, an OnStart function, a constant route, the
// listener.
func (s *Server) Serve(l net.Listener) error {
	return s.serve(l, (*engine.Server).Serve)
}

func (s *Server) serve(l net.Listener, how func(*engine.Server, net.Listener) error) error {
	eng, err := s.begin(l)
	if err != nil {
		l.Close()
		return err
	}
	defer l.Close() // the engine leaves alone what it cannot serve
	if err = how(eng, l); errors.Is(err, transport.ErrStopped) {
		return ErrServerClosed
	}
	return err
}

// begin prepares everything that requests read, once. OnStart functions run without mu, so that they may use the server.
func (s *Server) begin(l net.Listener) (*engine.Server, error) {
	s.beginning.Lock()
	defer s.beginning.Unlock()
	s.mu.Lock()
	eng, stopped := s.engine, s.stopped
	s.mu.Unlock()
	switch {
	case stopped:
		return nil, ErrServerClosed
	case eng != nil:
		return eng, nil
	case s.Router == nil:
		return nil, errors.New("native: Server.Router is nil: want NewRouter() with routes")
	case s.TargetBytesMax < 0:
		return nil, fmt.Errorf("native: Server.TargetBytesMax is %d: want 0 or more", s.TargetBytesMax)
	}
	if err := s.Proxies.check(); err != nil {
		return nil, err
	}
	sv := &serving{srv: s.settled(), router: s.Router, base: context.Background(), log: s.Logger}
	if sv.log == nil {
		sv.log = slog.Default()
	}
	if s.BaseContext != nil {
		if sv.base = s.BaseContext(l); sv.base == nil {
			return nil, errors.New("native: Server.BaseContext has returned nil")
		}
	}
	s.Router.seal()
	if err := s.start(sv.base); err != nil {
		return nil, err
	}
	if err := sv.computeConstants(); err != nil {
		return nil, err
	}
	d := sv.srv
	eng = &engine.Server{
		Handler: sv, Transport: s.Transport, Loops: s.Loops, HeadBytesMax: d.HeadBytesMax, FieldsMax: d.FieldsMax,
		ReadHeaderTimeout: d.ReadHeaderTimeout, WriteTimeout: d.WriteTimeout, IdleTimeout: d.IdleTimeout,
		HandshakeTimeout: d.HandshakeTimeout, AnswerTimeouts: true, WriteTimeoutRenews: true,
		Logf: func(format string, args ...any) { sv.log.Error(fmt.Sprintf(format, args...)) },
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, ErrServerClosed
	}
	if s.extension != nil {
		s.extension.prepare(eng)
	}
	s.engine = eng
	return eng, nil
}

// start calls the OnStart functions. If one fails, a later Serve begins with that one.
func (s *Server) start(base context.Context) error {
	for {
		s.mu.Lock()
		if len(s.onStart) == 0 {
			s.started = true
			s.mu.Unlock()
			return nil
		}
		f := s.onStart[0]
		s.started = true
		s.mu.Unlock()
		if err := f(base); err != nil {
			return fmt.Errorf("native: OnStart: %w", err)
		}
		s.mu.Lock()
		s.onStart = s.onStart[1:]
		s.mu.Unlock()
	}
}

// settled returns the configuration with its defaults filled in.
func (s *Server) settled() *Server {
	d := &Server{
		HeadBytesMax: s.HeadBytesMax, FieldsMax: s.FieldsMax, TargetBytesMax: s.TargetBytesMax,
		BodyBytesMax: s.BodyBytesMax, BodyRateMin: s.BodyRateMin,
		ReadHeaderTimeout: s.ReadHeaderTimeout, BodyTimeout: s.BodyTimeout, WriteTimeout: s.WriteTimeout,
		IdleTimeout: s.IdleTimeout, HandshakeTimeout: s.HandshakeTimeout,
		Proxies: s.Proxies,
	}
	setDefault(&d.HeadBytesMax, HeadBytesDefault)
	setDefault(&d.TargetBytesMax, TargetBytesDefault)
	setDefault(&d.BodyBytesMax, BodyBytesDefault)
	setDefault(&d.BodyRateMin, BodyRateDefault)
	setDefault(&d.ReadHeaderTimeout, ReadHeaderTimeoutDefault)
	setDefault(&d.BodyTimeout, BodyTimeoutDefault)
	setDefault(&d.WriteTimeout, WriteTimeoutDefault)
	setDefault(&d.IdleTimeout, IdleTimeoutDefault)
	setDefault(&d.HandshakeTimeout, HandshakeTimeoutDefault)
	d.BodyBytesMax = bodyBound(d.BodyBytesMax)
	return d
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Shutdown stops accepting, closes connections as they become idle, and waits until there is none, or until ctx is done and
// returns its error; then it calls the OnStop functions. Hijacked connections are not waited for.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	eng, started := s.engine, s.started
	s.mu.Unlock()
	var errs []error
	if eng != nil {
		errs = append(errs, eng.Shutdown(ctx))
	}
	s.mu.Lock()
	stop := s.onStop
	s.onStop = nil
	s.mu.Unlock()
	for i := len(stop) - 1; i >= 0 && started; i-- {
		errs = append(errs, stop[i](ctx))
	}
	return errors.Join(errs...)
}

// EndKeepAlives makes each response from now on the last of its connection. It closes nothing, so that a request that is on
// its way is answered: what to do some time before Shutdown.
func (s *Server) EndKeepAlives() {
	s.mu.Lock()
	eng := s.engine
	s.mu.Unlock()
	if eng != nil {
		eng.EndKeepAlives()
	}
}

// Close stops accepting and cuts all connections but hijacked ones. It waits for nothing and calls no OnStop function.
func (s *Server) Close() error {
	s.mu.Lock()
	s.stopped = true
	eng := s.engine
	s.mu.Unlock()
	if eng == nil {
		return nil
	}
	return eng.Close()
}

// Counters returns the server's counts so far.
func (s *Server) Counters() engine.Counters {
	s.mu.Lock()
	eng := s.engine
	s.mu.Unlock()
	if eng == nil {
		return engine.Counters{}
	}
	return eng.Counters()
}
