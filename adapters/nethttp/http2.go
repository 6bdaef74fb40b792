package nethttp

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"

	"github.com/peregrine-http/peregrine/adapters/internal/handed"
	"github.com/peregrine-http/peregrine/engine"
)

// HTTP/2 is the Go team's, the one in net/http. For each Server there is an http.Server with the same fields, the delegate,
// which listens nowhere. A connection that has agreed on HTTP/2, or on whatever else TLSNextProto has, is accepted,
// shown to ConnContext and ConnState and brought through its handshake by the engine, and then handed to the delegate, which
// serves it as one of its own and takes part in Shutdown, Close and SetKeepAlivesEnabled. The delegate is also what
// requests find under http.ServerContextKey, whichever protocol they came by.

// protoHTTP2 is HTTP/2's name in a handshake (RFC 9113, section 3.1).
const protoHTTP2 = "h2"

// delegate returns the delegate, which is made from the fields as they are at the first call, by Serve or ServeTLS. What
// net/http does about HTTP/2 when it begins to serve happens here too: its errors are about TLSConfig.
func (s *Server) delegate(overTLS bool) (*http.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http2 == nil {
		s.http2 = s.newDelegate()
		s.http2.SetKeepAlivesEnabled(!s.disableKeepAlives.Load() && !s.ending.Load())
		s.http2Err = handed.Prepare(s.http2, overTLS)
		s.TLSNextProto = s.http2.TLSNextProto // where programs look for what is spoken
	}
	return s.http2, s.http2Err
}

// theDelegate returns the delegate if there is one yet.
func (s *Server) theDelegate() *http.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.http2
}

func (s *Server) newDelegate() *http.Server {
	d := &http.Server{
		Addr: s.Addr, Handler: s.Handler, DisableGeneralOptionsHandler: s.DisableGeneralOptionsHandler,
		TLSConfig: s.TLSConfig.Clone(), ReadTimeout: s.ReadTimeout, ReadHeaderTimeout: s.ReadHeaderTimeout,
		WriteTimeout: s.WriteTimeout, IdleTimeout: s.IdleTimeout, MaxHeaderBytes: s.MaxHeaderBytes,
		TLSNextProto: s.TLSNextProto, ErrorLog: s.ErrorLog, HTTP2: s.HTTP2, Protocols: s.Protocols,
	}
	if f := s.ConnState; f != nil {
		d.ConnState = func(c net.Conn, state http.ConnState) {
			if state != http.StateNew { // of which the engine has told
				f(handed.Original(c), state)
			}
		}
	}
	return d
}

// protocols returns what is served, by net/http's rules.
func (s *Server) protocols(delegate *http.Server) (p http.Protocols) {
	if s.Protocols != nil {
		return *s.Protocols
	}
	p.SetHTTP1(true)
	_, ok := delegate.TLSNextProto[protoHTTP2]
	p.SetHTTP2(ok)
	return p
}

// offered returns what a server of p offers in the handshake, where the program wants to offer protos: these, and those of p.
func offered(protos []string, p http.Protocols) []string {
	const http1 = "http/1.1"
	protos = slices.DeleteFunc(slices.Clone(protos), func(s string) bool {
		return s == http1 && !p.HTTP1() || s == protoHTTP2 && !p.HTTP2()
	})
	if p.HTTP2() && !slices.Contains(protos, protoHTTP2) {
		protos = append(protos, protoHTTP2)
	}
	if p.HTTP1() && !slices.Contains(protos, http1) {
		protos = append(protos, http1)
	}
	return protos
}

// delegates says which of the connections that sv accepts are the delegate's.
func (sv *serving) delegates(p http.Protocols) {
	sv.eng.NextProto = func(string) func(*engine.Conn, *tls.Conn) {
		return func(c *engine.Conn, nc *tls.Conn) { sv.hand(c, nc) }
	}
	if p.UnencryptedHTTP2() {
		sv.eng.Preface = sv.hand
	}
	sv.eng.PrefaceOnly = !p.HTTP1()
}

// hand gives the delegate a connection.
func (sv *serving) hand(c *engine.Conn, nc net.Conn) {
	if handed.Serve(sv.parent(c), sv.shadow, nc) {
		return
	}
	nc.Close() // the server has ended in the meantime
	if f := sv.srv.ConnState; f != nil {
		f(handed.Original(nc), http.StateClosed)
	}
}
