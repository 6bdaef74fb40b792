package nethttp

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"github.com/peregrine-http/peregrine/engine"
)

// ServeTLS is Serve for TLS connections. certFile and keyFile may be empty if TLSConfig has certificates; certFile
// holds the server's certificate first, then those that lead to the authority. It closes l and never returns nil.
func (s *Server) ServeTLS(l net.Listener, certFile, keyFile string) error {
	if l == nil {
		return s.Serve(l)
	}
	delegate, err := s.delegate(true)
	if err != nil {
		return err
	}
	config := delegate.TLSConfig.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	config.NextProtos = offered(config.NextProtos, s.protocols(delegate))
	if err := engine.SetCertificate(config, certFile, keyFile); err != nil {
		return err
	}
	return s.serve(l, config)
}

// handshakeContext is what callbacks of TLSConfig see of the connection, as in net/http.
func (sv *serving) handshakeContext(c *engine.Conn) context.Context {
	ctx := sv.parent(c)
	if sv.srv.ConnContext == nil { // else its context has the key
		ctx = context.WithValue(ctx, http.ServerContextKey, sv.shadow)
	}
	return context.WithValue(ctx, http.LocalAddrContextKey, c.LocalAddr())
}
