package engine

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/overtls"
)

// overTLS returns sv.open, with TLS under it if the server has any.
func (s *Server) overTLS(sv *serving) func(transport.Conn) transport.Session {
	if s.TLS == nil {
		return sv.open
	}
	s.mu.Lock()
	if s.tls == nil {
		s.tls = s.TLS.Clone()
	}
	cfg := overtls.Config{TLS: s.tls, HandshakeTimeout: s.handshakeTimeout(), Agreed: sv.agreed, Failed: sv.handshakeFailed}
	s.mu.Unlock()
	if f := s.TLSContext; f != nil {
		cfg.Context = func(inner transport.Session) context.Context { return f((*Conn)(inner.(*session))) }
	}
	return overtls.New(cfg)(sv.open)
}

func (s *Server) handshakeTimeout() (d time.Duration) {
	if s.HandshakeTimeout != 0 {
		return max(s.HandshakeTimeout, 0)
	}
	for _, each := range []time.Duration{s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout} {
		if each > 0 && (d == 0 || each < d) {
			d = each
		}
	}
	return d
}

// handshakeFailed says so, in net/http's words.
func (sv *serving) handshakeFailed(tc transport.Conn, err error) {
	sv.s.counters.handshakesFailed.Add(1)
	sv.logf("http: TLS handshake error from %s: %v", tc.RemoteAddr(), err)
}

// agreed is asked who goes on with a connection whose handshake has ended with proto.
func (sv *serving) agreed(inner transport.Session, proto string) (serve func(*tls.Conn), ok bool) {
	switch proto {
	case "", "http/1.1", "http/1.0":
		return nil, true
	}
	if sv.s.NextProto == nil {
		return nil, false
	}
	next := sv.s.NextProto(proto)
	if next == nil {
		return nil, false
	}
	c := (*Conn)(inner.(*session))
	return func(nc *tls.Conn) {
		c.phase = phaseGone
		c.part()
		c.sv.s.counters.hijacked.Add(1)
		c.sv.s.counters.open.Add(-1)
		go next(c, nc)
	}, true
}

// TLS returns what is known of the connection's TLS, one value for all calls, which must not be changed; nil without TLS.
// Any goroutine; it waits for a handshake that is running.
func (c *Conn) TLS() *tls.ConnectionState {
	if tc, ok := c.conn.(*overtls.Conn); ok {
		return tc.State()
	}
	return nil
}
