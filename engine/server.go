package engine

import (
	"context"
	"net"
	"time"
)

// Handler answers exchanges.
type Handler interface {
	// ServeExchange answers one request. x is valid until it returns. A panic that gets out of it, or
	// runtime.Goexit, cuts the connection.
	ServeExchange(x *Exchange)
}

// Server is the configuration of a server, and its life. Its fields must not change after the first Serve.
type Server struct {
	// Handler answers every request. Required.
	Handler Handler
	// Transport is "epoll", "portable", or "" for epoll where it can be had (on Linux, for a *net.TCPListener or
	// *net.UnixListener), and portable elsewhere.
	Transport string
	// Loops is the number of epoll's loops. 0 means GOMAXPROCS; at most LoopsMax.
	Loops int
	// HeadBytesMax bounds a request's head in bytes: 431 above. 0 means HeadBytesDefault.
	HeadBytesMax int
	// FieldsMax bounds the field lines of a head: 431 above. 0 means httpparse's default; negative: HeadBytesMax
	// bounds them alone.
	FieldsMax int
	// ReadHeaderTimeout bounds the time from a head's first byte (for the first head: from accept) to its end.
	ReadHeaderTimeout time.Duration
	// ReadTimeout bounds the time from the same moment to the end of the body.
	ReadTimeout time.Duration
	// WriteTimeout bounds the time from the end of the head to the end of the response.
	WriteTimeout time.Duration
	// IdleTimeout bounds the wait for the next head's first byte.
	IdleTimeout time.Duration
	// NetConns asks that Conn.NetConn be there.
	NetConns bool
	// Hooks tell about connections.
	Hooks Hooks
	// Logf reports what nobody else can be told. nil: nothing is reported.
	Logf func(format string, args ...any)
}

// Hooks are called by a connection's owner and must not block. Each may be nil.
type Hooks struct {
	// Opened: accepted, before the first read. It runs on the accepting goroutine.
	Opened func(c *Conn)
	// State: the connection has entered a state.
	State func(c *Conn, s ConnState)
	// KeepAlive is asked after each response; false ends the connection.
	KeepAlive func() bool
}

// ConnState is what a connection is doing, as Hooks.State sees it.
type ConnState uint8

const (
	StateNew      ConnState = iota // accepted; told by Hooks.Opened
	StateActive                    // the first bytes of a request have been read
	StateIdle                      // the response is complete, no byte of another request has come
	StateHijacked                  // taken out of the server; terminal
	StateClosed                    // terminal
)

// Serve accepts connections from l and answers them.
func (s *Server) Serve(l net.Listener) error { return nil }

// Shutdown stops accepting, closes idle connections, and waits for the others, or until ctx is done.
func (s *Server) Shutdown(ctx context.Context) error { return nil }

// Close stops accepting and cuts all connections.
func (s *Server) Close() error { return nil }

// CloseIdle closes the connections that are idle now.
func (s *Server) CloseIdle() {}

// Draining reports whether Shutdown or Close has begun.
func (s *Server) Draining() bool { return false }

// Counters returns the server's counts so far.
func (s *Server) Counters() Counters { return Counters{} }
