package nethttp

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server has [http.Server]'s exported fields and methods, with the same meaning, so that its name is all that
// changes in a program. The fields are read when serving starts. The zero value is ready to use.
//
// As in net/http, a zero or negative timeout is no timeout, and nothing but MaxHeaderBytes bounds what a client may
// send. Of the methods, Serve and its relatives block, the others do not, save Shutdown, which says so; all may be
// called from any goroutine.
type Server struct {
	// Addr is the TCP address that ListenAndServe and ListenAndServeTLS listen on, "host:port".
	// Empty means ":http" and ":https".
	Addr string

	// Handler answers the requests; nil means http.DefaultServeMux.
	Handler http.Handler

	// DisableGeneralOptionsHandler passes "OPTIONS *" to Handler. Otherwise it is answered with 200 and an empty body.
	DisableGeneralOptionsHandler bool

	// TLSConfig is used, cloned, by ServeTLS and ListenAndServeTLS.
	TLSConfig *tls.Config

	// ReadTimeout bounds the time from the first byte of a request (for the first one of a connection: from accept)
	// to the end of its body.
	ReadTimeout time.Duration

	// ReadHeaderTimeout bounds the time from the same moment to the end of the head. Zero means ReadTimeout.
	ReadHeaderTimeout time.Duration

	// WriteTimeout bounds the time from the end of the head to the end of the response.
	WriteTimeout time.Duration

	// IdleTimeout bounds the wait for the next request of a connection. Zero means ReadTimeout.
	IdleTimeout time.Duration

	// MaxHeaderBytes bounds a request's head, start-line included, in bytes. As in net/http, 4096 more are tolerated.
	// Zero or less means http.DefaultMaxHeaderBytes, 1 MiB. A longer head is answered with 431.
	MaxHeaderBytes int

	// TLSNextProto takes over TLS connections by the protocol that was negotiated. As in net/http, a map that is not nil
	// and does not have "h2" means that HTTP/2 is not offered, unless Protocols says so.
	TLSNextProto map[string]func(*http.Server, *tls.Conn, http.Handler)

	// ConnState is told each connection's changes of state, with the same net.Conn each time. It must not block, nor end its
	// goroutine (runtime.Goexit, as testing.T.FailNow calls it): it may be a loop's, whose other connections would wait for ever.
	// Setting it costs some 300 bytes for each connection.
	ConnState func(net.Conn, http.ConnState)

	// ErrorLog is told of failed accepts, panics and misuse of the ResponseWriter; nil means package log's logger.
	ErrorLog *log.Logger

	// BaseContext makes the context that all requests from a listener descend from; it must not return nil.
	BaseContext func(net.Listener) context.Context

	// ConnContext makes the context that all requests of a connection descend from, out of one that has the value
	// of http.ServerContextKey; it must not return nil, and must not block.
	ConnContext func(ctx context.Context, c net.Conn) context.Context

	// HTTP2 configures HTTP/2 connections.
	HTTP2 *http.HTTP2Config

	// Protocols is the set of protocols to accept. Nil means HTTP/1 and, over TLS, HTTP/2.
	Protocols *http.Protocols

	// Transport moves the bytes: "epoll", "portable" (a goroutine for each connection), or "" for epoll where it can
	// be had, that is, on Linux for a *net.TCPListener or *net.UnixListener, and portable elsewhere; or "gnet" or
	// "netpoll" in a program that imports the package of this name below engine/transport.
	Transport string

	// Loops is the number of epoll's or gnet's loops, at most 256. Zero means GOMAXPROCS.
	Loops int

	inShutdown        atomic.Bool
	disableKeepAlives atomic.Bool
	ending            atomic.Bool // EndKeepAlives

	mu         sync.Mutex // guards the rest
	servings   []*serving
	onShutdown []func()
	http2      *http.Server // the delegate
	http2Err   error
}

// Serve serves l with handler, or http.DefaultServeMux if it is nil. It closes l and never returns nil.
func Serve(l net.Listener, handler http.Handler) error {
	return (&Server{Handler: handler}).Serve(l)
}

// ServeTLS is Serve for HTTPS. See [Server.ServeTLS] for the files.
func ServeTLS(l net.Listener, handler http.Handler, certFile, keyFile string) error {
	return (&Server{Handler: handler}).ServeTLS(l, certFile, keyFile)
}

// ListenAndServe listens on the TCP address addr and serves it with handler, or http.DefaultServeMux if it is nil.
// It never returns nil.
func ListenAndServe(addr string, handler http.Handler) error {
	return (&Server{Addr: addr, Handler: handler}).ListenAndServe()
}

// ListenAndServeTLS is ListenAndServe for HTTPS. See [Server.ServeTLS] for the files.
func ListenAndServeTLS(addr, certFile, keyFile string, handler http.Handler) error {
	return (&Server{Addr: addr, Handler: handler}).ListenAndServeTLS(certFile, keyFile)
}

// ListenAndServe listens on the TCP address Addr and calls Serve. It never returns nil.
func (s *Server) ListenAndServe() error { return s.listen(":http", s.Serve) }

// ListenAndServeTLS listens on the TCP address Addr and calls ServeTLS. It never returns nil.
func (s *Server) ListenAndServeTLS(certFile, keyFile string) error {
	return s.listen(":https", func(l net.Listener) error {
		defer l.Close()
		return s.ServeTLS(l, certFile, keyFile)
	})
}

func (s *Server) listen(addr string, serve func(net.Listener) error) error {
	if s.inShutdown.Load() {
		return http.ErrServerClosed
	}
	if err := s.check(); err != nil {
		return err
	}
	if s.Addr != "" {
		addr = s.Addr
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return serve(l)
}

func (s *Server) logf(format string, args ...any) {
	if s.ErrorLog != nil {
		s.ErrorLog.Printf(format, args...)
	} else {
		log.Printf(format, args...)
	}
}

// keepAlives reports whether a response whose head is made now may be followed by another one.
func (s *Server) keepAlives() bool { return !s.ending.Load() && s.keeps() }

// keeps reports whether a connection stays open after a response that has not said that it is the last. EndKeepAlives may come
// between the head and the end of a response: the connection is kept then, for the next response to say so.
func (s *Server) keeps() bool { return !s.disableKeepAlives.Load() && !s.inShutdown.Load() }
