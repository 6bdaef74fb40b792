// Package handed gives an http.Server connections that somebody else has accepted, so that net/http's own HTTP/2 can serve
// them. To the http.Server each is a listener with one connection, which leaves nothing running when it is used up; so a
// server that is handed connections is one like any other, with Shutdown, Close and all else.
//
// Invariant: a connection that was handed over is closed by the http.Server, or Serve has said that it is not.
package handed

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
)

// errEmpty is what a listener that has given its connection says.
var errEmpty = errors.New("handed: no other connection")

// Prepare has s do what net/http does about HTTP/2 when it begins to serve, and sets BaseContext. overTLS is for servers
// that ServeTLS is for: they speak HTTP/2 whatever TLSConfig says of it. An error is about TLSConfig.
func Prepare(s *http.Server, overTLS bool) error {
	s.BaseContext = func(l net.Listener) context.Context {
		if h, ok := l.(*listener); ok && h.ctx != nil {
			return h.ctx
		}
		return context.Background()
	}
	if overTLS {
		s.ServeTLS(new(listener), "", "") // that there may be no certificate does not matter here
	}
	if err := s.Serve(new(listener)); !errors.Is(err, errEmpty) {
		return err
	}
	return nil
}

// Serve has s serve c, whose requests' contexts descend from ctx. It returns at once, and reports false if s has ended:
// then c is still the caller's.
func Serve(ctx context.Context, s *http.Server, c net.Conn) bool {
	l := &listener{conn: c, ctx: ctx}
	s.Serve(l)
	return l.conn == nil
}

// Original returns the net.Conn that c is, or, if c only adds to it what had been read already, the one beneath.
func Original(c net.Conn) net.Conn {
	if _, ok := c.(*tls.Conn); ok {
		return c
	}
	if b, ok := c.(interface{ NetConn() net.Conn }); ok {
		return b.NetConn()
	}
	return c
}

// listener has one connection, or none.
type listener struct {
	conn net.Conn
	ctx  context.Context
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c := l.conn
	if c == nil {
		return nil, errEmpty
	}
	l.conn = nil
	return c, nil
}

// Close implements net.Listener. It is called by whoever serves the listener, and by Shutdown and Close.
func (l *listener) Close() error { return nil }

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }
