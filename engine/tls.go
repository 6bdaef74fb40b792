package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/overtls"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// overTLS returns sv.open, with TLS under it if the listener has any.
func (s *Server) overTLS(sv *serving) func(transport.Conn) transport.Session {
	if sv.tls == nil {
		return sv.open
	}
	cfg := overtls.Config{TLS: sv.tls, HandshakeTimeout: s.handshakeTimeout(), Agreed: sv.agreed, Failed: sv.handshakeFailed}
	if f := s.TLSContext; f != nil {
		cfg.Context = func(inner transport.Session) context.Context { return f((*Conn)(inner.(*session))) }
	}
	sv.layer = overtls.New(cfg)
	return sv.layer.Under(sv.open)
}

// theTLS returns the clone of Server.TLS, or nil.
func (s *Server) theTLS() *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tls == nil {
		s.tls = s.TLS.Clone()
	}
	return s.tls
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
	if p, ok := errors.AsType[*overtls.Panic](err); ok {
		sv.logf("http: panic serving %v: %v\n%s", tc.RemoteAddr(), p.Value, p.Stack)
		return
	}
	sv.logf("http: TLS handshake error from %s: %v", tc.RemoteAddr(), readError(tc, err))
}

// readError returns err as package net would have said it, with both addresses, if it is a transport's.
func readError(tc transport.Conn, err error) error {
	switch err {
	case netio.ErrReset:
		err = os.NewSyscallError("read", syscall.ECONNRESET)
	case os.ErrDeadlineExceeded, net.ErrClosed:
	default:
		return err
	}
	local := tc.LocalAddr()
	return &net.OpError{Op: "read", Net: local.Network(), Source: local, Addr: tc.RemoteAddr(), Err: err}
}

// agreed is asked who goes on with a connection whose handshake has ended with proto.
func (sv *serving) agreed(inner transport.Session, proto string) (serve func(*tls.Conn), ok bool) {
	next, ok := sv.nextProto(proto)
	if next == nil {
		return nil, ok
	}
	c := (*Conn)(inner.(*session))
	return func(nc *tls.Conn) {
		c.given(nc)
		go next(c, nc)
	}, true
}

// nextProto returns who serves connections that have agreed on proto: nobody else, if next is nil and ok true.
func (sv *serving) nextProto(proto string) (next func(*Conn, *tls.Conn), ok bool) {
	switch proto {
	case "", "http/1.1", "http/1.0":
		return nil, true
	}
	if sv.s.NextProto != nil {
		next = sv.s.NextProto(proto)
	}
	return next, next != nil
}

// TLS returns what is known of the connection's TLS, one value for all calls, which must not be changed; nil without TLS.
// Any goroutine; it waits for a handshake that is running.
func (c *Conn) TLS() *tls.ConnectionState {
	if tc, ok := c.conn.(*overtls.Conn); ok {
		return tc.State()
	}
	if a := c.aside.Load(); a != nil && a.tls != nil {
		return a.tls
	}
	nc := c.NetConn()
	tc, ok := nc.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return nil
	}
	state := tc.ConnectionState()
	if _, ok := nc.(*tls.Conn); ok && !state.HandshakeComplete {
		return nil // not yet; of others, as in net/http, whatever they say is taken
	}
	c.change(func(a *aside) {
		if a.tls == nil {
			a.tls = &state
		}
	})
	return c.aside.Load().tls
}

// SetCertificate reads a certificate, with those that lead to its authority behind it, and its key, in PEM, and makes them
// those of config. If neither file has a name, config's own are left alone, and there must be some. An error about a file
// names it; what is in a file with a private key is not said.
func SetCertificate(config *tls.Config, certFile, keyFile string) error {
	has := len(config.Certificates) > 0 || config.GetCertificate != nil || config.GetConfigForClient != nil
	if has && certFile == "" && keyFile == "" {
		return nil
	}
	if certFile == "" || keyFile == "" {
		return fmt.Errorf("engine: no certificate is configured, and the names of the files are %q and %q", certFile, keyFile)
	}
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return err // *fs.PathError names it
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("engine: certificate file %q and key file %q: %w", certFile, keyFile, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}
