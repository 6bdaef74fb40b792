package proxy

import (
	"net"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// layer is what the connections of one server have in common.
type layer struct {
	l    *Listener
	next func(transport.Conn) transport.Session
}

// Layer implements transport.Layered.
func (l *Listener) Layer(next func(transport.Conn) transport.Session) func(transport.Conn) transport.Session {
	y := &layer{l, next}
	return y.open
}

// session is the outer session of a connection, and the transport.Conn of the inner one: what it does not say otherwise is
// said by the transport's.
//
//	inner is nil   the header has not come   → inner is set | closed
//	inner is set   everything is passed on; terminal
type session struct {
	transport.Conn
	inner   transport.Session
	layer   *layer
	origin  origin
	nc      *proxied // around what NetConn returns, if that is anything and there is an origin
	trusted bool
	refused bool // and told to the log
}

var (
	_ transport.Session   = (*session)(nil)
	_ transport.Successor = (*session)(nil)
	_ transport.Parting   = (*session)(nil)
)

func (y *layer) open(c transport.Conn) transport.Session {
	peer := c.RemoteAddr()
	s := &session{Conn: c, layer: y, trusted: y.l.config.Trusted.HasPeer(peer)}
	by := time.Now()
	if s.trusted || y.l.config.Optional {
		by = by.Add(y.l.config.Timeout)
	} else { // which ends it as soon as it has begun
		s.refused = true
		y.l.refused(peer, errPeer)
	}
	c.SetReadDeadline(by)
	return s
}

// Run implements transport.Session.
func (s *session) Run(t *transport.Turn) transport.Next {
	if s.inner != nil {
		return s.inner.Run(t)
	}
	if s.refused {
		return transport.Close
	}
	n, err := measure(t.In)
	switch {
	case err == errMissing && s.layer.l.config.Optional:
	case err != nil:
		return s.refuse(err)
	case n == 0 && !t.EOF:
		return transport.Read
	case n == 0 && len(t.In) == 0: // somebody looked whether we are there
		return transport.Close
	case n == 0:
		return s.refuse(errCut)
	case !s.trusted:
		return s.refuse(errPeer)
	default:
		if s.origin, err = parse(t.In[:n]); err != nil {
			return s.refuse(err)
		}
		t.In = t.In[n:]
	}
	s.begin()
	if len(t.In) == 0 && !t.EOF {
		return transport.Read
	}
	return s.inner.Run(t)
}

// begin makes the inner session, which sets deadlines of its own.
func (s *session) begin() {
	s.Conn.SetReadDeadline(time.Time{})
	if nc := s.Conn.NetConn(); nc != nil && s.origin.known() {
		s.nc = &proxied{nc, s.origin}
	}
	s.inner = s.layer.next(s)
}

func (s *session) refuse(why error) transport.Next {
	s.refused = true
	s.layer.l.refused(s.Conn.RemoteAddr(), why)
	return transport.Close
}

// Expire implements transport.Session.
func (s *session) Expire(t *transport.Turn) transport.Next {
	switch {
	case s.inner != nil:
		return s.inner.Expire(t)
	case s.refused:
		return transport.Close
	case s.layer.l.config.Optional && len(t.In) == 0:
		s.begin()
		return transport.Read
	}
	return s.refuse(errLate)
}

// Idle implements transport.Session. A connection that waits for its header is not idle: it soon is something else.
func (s *session) Idle() bool { return s.inner != nil && s.inner.Idle() }

// HangUp implements transport.Session.
func (s *session) HangUp(reset bool) {
	if s.inner != nil {
		s.inner.HangUp(reset)
	}
}

// Closed implements transport.Session.
func (s *session) Closed(err error) {
	if s.inner != nil {
		s.inner.Closed(err)
	}
}

// Part implements transport.Parting.
func (s *session) Part(t *transport.Turn) {
	if inner, ok := s.inner.(transport.Parting); ok {
		inner.Part(t)
	}
}

// Successor implements transport.Successor: it has the transport to itself, with this as its transport.Conn.
func (s *session) Successor() transport.Protocol { return s.inner.(transport.Successor).Successor() }

// RemoteAddr implements transport.Conn.
func (s *session) RemoteAddr() net.Addr {
	if s.origin.known() {
		return s.origin.remoteAddr()
	}
	return s.Conn.RemoteAddr()
}

// LocalAddr implements transport.Conn.
func (s *session) LocalAddr() net.Addr {
	if s.origin.known() {
		return s.origin.localAddr()
	}
	return s.Conn.LocalAddr()
}

// NetConn implements transport.Conn.
func (s *session) NetConn() net.Conn {
	if s.nc != nil {
		return s.nc
	}
	return s.Conn.NetConn()
}

// Hijack implements transport.Conn. What has come through a proxy is no *net.TCPConn any more, but has one: NetConn.
func (s *session) Hijack(t *transport.Turn) (net.Conn, error) {
	nc, err := s.Conn.Hijack(t)
	switch {
	case err != nil || !s.origin.known():
		return nc, err
	case s.nc != nil && s.nc.Conn == nc:
		return s.nc, nil
	}
	return &proxied{nc, s.origin}, nil
}
