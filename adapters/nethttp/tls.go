package nethttp

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

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
	has := len(config.Certificates) > 0 || config.GetCertificate != nil || config.GetConfigForClient != nil
	if !has || certFile != "" || keyFile != "" {
		cert, err := engine.KeyPair(certFile, keyFile)
		if err != nil {
			return err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return s.serve(l, config)
}

// tlsState finds http.Request.TLS when the first request has been read, so after the handshake.
type tlsState struct {
	conn  interface{ ConnectionState() tls.ConnectionState }
	once  sync.Once
	state *tls.ConnectionState
}

// newTLSState returns nil for a connection that knows nothing of TLS.
func newTLSState(c net.Conn) *tlsState {
	if tc, ok := c.(interface{ ConnectionState() tls.ConnectionState }); ok {
		return &tlsState{conn: tc}
	}
	return nil
}

func (t *tlsState) get() *tls.ConnectionState {
	if t == nil {
		return nil
	}
	t.once.Do(func() {
		state := t.conn.ConnectionState()
		t.state = &state
	})
	return t.state
}

// handshakeContext is what callbacks of TLSConfig see of the connection, as in net/http.
func (sv *serving) handshakeContext(c *engine.Conn) context.Context {
	var ctx context.Context
	if cs, ok := c.Value().(*connState); ok && sv.srv.ConnContext != nil {
		ctx = cs.ctx
	} else {
		ctx = context.WithValue(sv.base, http.ServerContextKey, sv.shadow)
	}
	return context.WithValue(ctx, http.LocalAddrContextKey, c.LocalAddr())
}
