package engine

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/overtls"
	"github.com/peregrine-http/peregrine/httpparse"
)

// Handler answers exchanges.
type Handler interface {
	// ServeExchange answers one request. x is valid until it returns. On loops it is called by the goroutine that
	// runs the loop; if it takes long, another one goes on with the loop. A panic that gets out of it, or
	// runtime.Goexit, cuts the connection.
	ServeExchange(x *Exchange)
}

// Server is the configuration of a server, and its life. Its fields must not change after the first Serve. All its
// methods may be called by any goroutine. It may serve several listeners.
//
// A timeout of zero or less is none.
type Server struct {
	// Handler answers every request. Required.
	Handler Handler
	// Transport is "epoll", "portable", or "" for epoll where it can be had (on Linux, for a *net.TCPListener or
	// *net.UnixListener, also beneath the layers of a transport.Layered), and portable elsewhere; or "gnet" or "netpoll" in
	// a program that imports the package of this name below engine/transport. What each cannot do is said there.
	Transport string
	// Loops is the number of epoll's or gnet's loops. 0 means GOMAXPROCS; at most LoopsMax.
	Loops int
	// HeadBytesMax bounds a request's head in bytes: 431 above. 0 means HeadBytesDefault; at most HeadBytesLimit.
	HeadBytesMax int
	// FieldsMax bounds the field lines of a head: 431 above. 0 means 256; negative: HeadBytesMax alone bounds them.
	FieldsMax int
	// ReadHeaderTimeout bounds the time from a head's first byte (for the first head: from accept) to its end,
	// however it is spread; then the connection is closed without an answer. 0 means ReadTimeout, which includes the
	// head; negative: the head is not bounded.
	ReadHeaderTimeout time.Duration
	// ReadTimeout bounds the time from the same moment to the end of the body: reading the body then fails with
	// os.ErrDeadlineExceeded.
	ReadTimeout time.Duration
	// WriteTimeout bounds the time from the end of the head until the response has been sent.
	WriteTimeout time.Duration
	// WriteTimeoutRenews: a handler that takes long does not use WriteTimeout up; what it leaves behind has the whole of it.
	WriteTimeoutRenews bool
	// IdleTimeout bounds the wait for the next head's first byte.
	IdleTimeout time.Duration
	// AnswerTimeouts: a head that has begun and does not end in time is answered with 408 before the connection ends. If
	// false it ends without an answer, as in net/http.
	AnswerTimeouts bool
	// TLS makes every connection speak TLS by this configuration, which is cloned when the first Serve begins, once, so that
	// its session tickets are good for all connections. nil: none does, but for ServeTLS.
	TLS *tls.Config
	// HandshakeTimeout bounds the time from accept to the end of the handshake; then the connection is closed. 0 means the
	// least of ReadHeaderTimeout, ReadTimeout and WriteTimeout that is positive; negative: it is not bounded.
	HandshakeTimeout time.Duration
	// NextProto is asked about the protocol that a handshake has agreed on, if that is neither HTTP/1.1 nor none. serve gets
	// the connection on a goroutine of its own, when it has been taken out of the server: nothing of c may be used but
	// Value, Listener, TLS and the addresses, and Shutdown does not wait for it. If NextProto or serve is nil, the
	// connection is closed.
	NextProto func(proto string) (serve func(c *Conn, nc *tls.Conn))
	// TLSContext makes the context of a connection's handshake, which callbacks of TLS see. Its end ends the handshake.
	// nil: context.Background.
	TLSContext func(c *Conn) context.Context
	// NetConns asks that Conn.NetConn be there (on loops this costs some 300 bytes a connection).
	NetConns bool
	// Preface takes over a connection without TLS that begins with HTTP/2's preface (RFC 9113, section 3.4). nc gives all
	// that the peer has sent, the preface first; it has a method NetConn() net.Conn, which returns what Conn.NetConn does if
	// Server.NetConns is set. Its deadlines are lifted, the hooks hear no more of it, and nobody else closes it. It
	// must not wait for the peer. nil: the preface is a request like any other.
	Preface func(c *Conn, nc net.Conn)
	// PrefaceOnly: a connection that begins otherwise is closed without an answer.
	PrefaceOnly bool
	// Delegate serves what NextProto and Preface give away, and is shut down and closed with the server. May be nil.
	Delegate Delegate
	// Hooks tell about connections.
	Hooks Hooks
	// Logf reports what nobody else can be told: panics, accept errors that are retried. nil: nothing is reported.
	Logf func(format string, args ...any)

	mu       sync.Mutex // guards serving
	serving  []*serving // all that may still have connections
	draining atomic.Bool
	ending   atomic.Bool // EndKeepAlives
	tls      *tls.Config // a clone of TLS, made once; guarded by mu
	counters counters
}

// Hooks are called by a connection's owner and must not block, nor end their goroutine (runtime.Goexit, as testing.T.FailNow calls
// it): it may be a loop's, whose other connections would wait for ever. Each may be nil.
type Hooks struct {
	// Opened: accepted, before the first read. It runs on the accepting goroutine.
	Opened func(c *Conn)
	// State: the connection has entered a state. If it panics, that is logged, and the connection ends.
	State func(c *Conn, s ConnState)
	// KeepAlive is asked after each response; false ends the connection.
	KeepAlive func() bool
}

// ConnState is what a connection is doing, as Hooks.State sees it. Each line lists the exits.
//
//	StateNew       → StateActive | StateClosed. Told by Hooks.Opened, not by Hooks.State
//	StateActive    → StateIdle | StateHijacked | StateClosed. The first bytes of a request have been read
//	StateIdle      → StateActive | StateClosed. The response is complete
//	StateHijacked  terminal: taken out of the server
//	StateClosed    terminal
type ConnState uint8

const (
	StateNew ConnState = iota
	StateActive
	StateIdle
	StateHijacked
	StateClosed
)

// serving is one call of Serve: its runner and what its connections read for every request.
type serving struct {
	s        *Server
	listener net.Listener
	tls      *tls.Config    // nil: none
	layer    *overtls.Layer // of tls
	runner   transport.Runner
	loops    bool // handlers run on loops: a turn's time is fresh

	// closing is held for reading where a connection's transport is asked, for writing where the connection ends.
	closing sync.RWMutex

	limits      httpparse.Limits
	headTimeout time.Duration
	timed       bool // some timeout is set
}

// Serve accepts connections from l, which it closes at the end, and answers them. It blocks until accepting ends, and
// returns transport.ErrStopped after Shutdown or Close, otherwise what the listener said. Connections may outlive it.
// A field with a bad value, or a listener that the chosen transport cannot take, is an error that names it, and l is
// left alone.
func (s *Server) Serve(l net.Listener) error {
	if err := s.validate(l); err != nil {
		return err
	}
	return s.serveOver(l, s.theTLS())
}

// ServeTLS is Serve with TLS by config, whatever Server.TLS is. config must not be changed afterwards; the tickets of its
// sessions are good for all listeners that are given the same one.
func (s *Server) ServeTLS(l net.Listener, config *tls.Config) error {
	if err := s.validate(l); err != nil {
		return err
	}
	if config == nil {
		return fmt.Errorf("engine: ServeTLS: the configuration is nil")
	}
	return s.serveOver(l, config)
}

func (s *Server) serveOver(l net.Listener, config *tls.Config) error {
	sv := &serving{s: s, listener: l, tls: config}
	runner, err := s.newRunner(sv)
	if err != nil {
		return err
	}
	return s.serve(sv, runner)
}

// ServeOn is Serve over a transport of the caller's; Server.Transport is not looked at.
func (s *Server) ServeOn(l net.Listener, newRunner func(transport.Options) (transport.Runner, error)) error {
	if err := s.validate(l); err != nil {
		return err
	}
	sv := &serving{s: s, listener: l, tls: s.theTLS()}
	runner, err := newRunner(s.options(sv))
	if err != nil {
		return err
	}
	return s.serve(sv, runner)
}

func (s *Server) serve(sv *serving, runner transport.Runner) error {
	s.settle(sv)
	sv.runner = runner
	if !s.track(sv) {
		runner.Close() // so that Serve does no more than close the listener
	}
	if _, layered := sv.listener.(transport.Layered); layered {
		defer sv.listener.Close() // the runner closes what is beneath
	}
	return runner.Serve(transport.Bottom(sv.listener))
}

func (s *Server) validate(l net.Listener) error {
	bad := func(field string, value any, want string) error {
		return fmt.Errorf("engine: Server.%s is %v: want %s", field, value, want)
	}
	switch {
	case l == nil:
		return fmt.Errorf("engine: Serve: the listener is nil")
	case s.Handler == nil:
		return bad("Handler", s.Handler, "a Handler")
	case CheckTransport(s.Transport) != nil:
		return fmt.Errorf("engine: %w", CheckTransport(s.Transport))
	case s.Loops < 0 || s.Loops > LoopsMax:
		return bad("Loops", s.Loops, fmt.Sprintf("0 to %d", LoopsMax))
	case s.HeadBytesMax < 0 || s.HeadBytesMax > HeadBytesLimit:
		return bad("HeadBytesMax", s.HeadBytesMax, fmt.Sprintf("0 to %d", HeadBytesLimit))
	}
	return nil
}

// settle works out what the connections of sv read for every request.
func (s *Server) settle(sv *serving) {
	sv.limits = httpparse.Limits{HeadBytesMax: s.HeadBytesMax, FieldsMax: s.FieldsMax}
	if sv.limits.HeadBytesMax == 0 {
		sv.limits.HeadBytesMax = HeadBytesDefault
	}
	if sv.headTimeout = s.ReadHeaderTimeout; sv.headTimeout == 0 {
		sv.headTimeout = s.ReadTimeout
	}
	sv.timed = max(s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout) > 0
}

// track remembers sv, and forgets those that have ended. It reports false if the server has been stopped.
func (s *Server) track(sv *serving) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.serving = slices.DeleteFunc(s.serving, (*serving).ended)
	s.serving = append(s.serving, sv)
	return true
}

func (sv *serving) ended() bool {
	select {
	case <-sv.runner.Done():
		return true
	default:
		return false
	}
}

// stop marks the server as draining and returns all that may still have connections.
func (s *Server) stop() []*serving {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining.Store(true)
	return slices.Clone(s.serving)
}

// Shutdown stops accepting, closes connections as they become idle, and waits until there is none, or until ctx is done
// and returns its error. Hijacked connections are not waited for. A connection that has never sent a byte counts
// as idle five seconds after it was accepted, and so does one whose TLS handshake has not ended by then.
func (s *Server) Shutdown(ctx context.Context) error {
	serving := s.stop()
	delegate := s.shutdownDelegate(ctx)
	for _, sv := range serving {
		sv.runner.Drain()
	}
	poll := time.NewTicker(shutdownPoll)
	defer poll.Stop()
	for _, sv := range serving {
		for !sv.ended() {
			select {
			case <-sv.runner.Done():
			case <-ctx.Done():
				return ctx.Err()
			case <-poll.C:
				for _, each := range serving {
					each.closeIdle()
				}
			}
		}
	}
	return delegate()
}

// Close stops accepting and cuts all connections but hijacked ones. It does not wait for handlers.
func (s *Server) Close() error {
	for _, sv := range s.stop() {
		sv.runner.Close()
	}
	return s.closeDelegate()
}

// closeIdle closes what is idle now, and what is as good as idle: a handshake that stands still as long as a connection may
// that says nothing.
func (sv *serving) closeIdle() {
	sv.runner.CloseIdle()
	if sv.layer != nil {
		sv.layer.Cut(freshIdleAfter)
	}
}

// CloseIdle closes the connections that are idle now.
func (s *Server) CloseIdle() {
	s.mu.Lock()
	serving := slices.Clone(s.serving)
	s.mu.Unlock()
	for _, sv := range serving {
		sv.closeIdle()
	}
}

// EndKeepAlives makes Draining true and does nothing else: handlers that look at it make each response from now on the last
// of its connection. So a request that is on its way is answered: what to do some time before Shutdown.
func (s *Server) EndKeepAlives() {
	s.ending.Store(true)
	if s.Delegate != nil {
		s.Delegate.EndKeepAlives()
	}
}

// Draining reports whether EndKeepAlives, Shutdown or Close has begun.
func (s *Server) Draining() bool { return s.ending.Load() || s.draining.Load() }

// Counters returns the server's counts so far.
func (s *Server) Counters() Counters { return s.addDelegate(s.counters.read()) }

func (sv *serving) logf(format string, args ...any) {
	if sv.s.Logf != nil {
		sv.s.Logf(format, args...)
	}
}
