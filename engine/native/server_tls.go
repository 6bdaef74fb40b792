package native

import (
	"crypto/tls"
	"net"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/listen"
)

// ListenAndServeTLS is ListenAndServe with TLS. It always returns an error: see ServeTLS.
func (s *Server) ListenAndServeTLS(certFile, keyFile string) error {
	config, err := s.tlsConfig(certFile, keyFile)
	if err != nil {
		return err
	}
	ls, err := s.listen(":https")
	if err != nil {
		return err
	}
	return listen.Serve(ls, func(l net.Listener) error { return s.serveTLS(l, config) })
}

// ServeTLS is Serve with TLS by TLSConfig. certFile and keyFile are PEM files, of the certificate with those that lead to its
// authority behind it, and of its key; they may be empty if TLSConfig has certificates. It closes l.
func (s *Server) ServeTLS(l net.Listener, certFile, keyFile string) error {
	config, err := s.tlsConfig(certFile, keyFile)
	if err != nil {
		l.Close()
		return err
	}
	return s.serveTLS(l, config)
}

func (s *Server) serveTLS(l net.Listener, config *tls.Config) error {
	return s.serve(l, func(eng *engine.Server, l net.Listener) error { return eng.ServeTLS(l, config) })
}

func (s *Server) tlsConfig(certFile, keyFile string) (*tls.Config, error) {
	config := s.TLSConfig.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	config.NextProtos = s.offered(config.NextProtos)
	if err := engine.SetCertificate(config, certFile, keyFile); err != nil {
		return nil, err
	}
	return config, nil
}
