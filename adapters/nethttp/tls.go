package nethttp

import (
	"crypto/tls"
	"net"
	"slices"
	"sync"
)

// ServeTLS is Serve for TLS connections. certFile and keyFile may be empty if TLSConfig has certificates; certFile
// holds the server's certificate first, then those that lead to the authority. It closes l and never returns nil.
func (s *Server) ServeTLS(l net.Listener, certFile, keyFile string) error {
	if l == nil {
		return s.Serve(l)
	}
	config := new(tls.Config)
	if s.TLSConfig != nil {
		config = s.TLSConfig.Clone()
	}
	config.NextProtos = http1Only(config.NextProtos)
	has := len(config.Certificates) > 0 || config.GetCertificate != nil || config.GetConfigForClient != nil
	if !has || certFile != "" || keyFile != "" {
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return s.Serve(tls.NewListener(l, config))
}

// http1Only offers HTTP/1.1, and not HTTP/2, whatever else the program offers.
func http1Only(protos []string) []string {
	protos = slices.DeleteFunc(slices.Clone(protos), func(p string) bool { return p == "h2" })
	if !slices.Contains(protos, "http/1.1") {
		protos = append(protos, "http/1.1")
	}
	return protos
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
