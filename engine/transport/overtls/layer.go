package overtls

import (
	"container/list"
	"context"
	"crypto/tls"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// Config is what the connections of a layer have in common.
type Config struct {
	// TLS is used as it is, by all connections, and must not change any more. Required.
	TLS *tls.Config
	// HandshakeTimeout bounds the time from accept to the end of the handshake. 0: it is not bounded.
	HandshakeTimeout time.Duration
	// HandshakesMax bounds the handshakes that have a goroutine: above, the oldest one is cut. 0 means HandshakesMax.
	HandshakesMax int
	// Context gives the context of the handshake of the connection of s, which crypto/tls passes to callbacks and
	// whose end ends the handshake. nil: context.Background.
	Context func(s transport.Session) context.Context
	// Agreed is asked when a handshake has ended well. If it returns serve, the connection is taken out of the transport
	// and given to it, which must not block, and s is as if hijacked; if it returns false, the connection is closed.
	// nil: every connection goes on with s.
	Agreed func(s transport.Session, proto string) (serve func(*tls.Conn), ok bool)
	// Failed is told of every handshake that has ended otherwise. nil: nobody is.
	Failed func(c transport.Conn, err error)
}

// Layer puts TLS under sessions.
type Layer struct {
	config Config

	mu      sync.Mutex // guards shaking
	shaking list.List  // of *Conn, in the order in which their handshakes got a goroutine
}

// New returns a layer for the connections of one server.
func New(cfg Config) *Layer {
	if cfg.HandshakesMax == 0 {
		cfg.HandshakesMax = HandshakesMax
	}
	return &Layer{config: cfg}
}

// Under makes, of a constructor of sessions, one of sessions that speak TLS to the transport. The transport.Conn that next
// is given is a *Conn.
func (l *Layer) Under(next func(transport.Conn) transport.Session) func(transport.Conn) transport.Session {
	return func(outer transport.Conn) transport.Session {
		now := time.Now()
		c := &Conn{outer: outer, nc: outer.NetConn(), layer: l, accepted: transport.Nanos(now)}
		c.tls = tls.Server((*wire)(c), l.config.TLS)
		if d := l.config.HandshakeTimeout; d > 0 {
			by := now.Add(d)
			outer.SetReadDeadline(by)
			outer.SetWriteDeadline(by)
		}
		c.inner = next(c)
		return (*session)(c)
	}
}

// Cut cuts the connections that were accepted longer than age ago and are in their handshake still. To the transport they
// are in a handler, so that it would wait for them as long as they like. It waits for nothing. Any goroutine.
func (l *Layer) Cut(age time.Duration) {
	before := transport.Clock() - int64(age)
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.shaking.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*Conn); c.accepted < before {
			c.outer.Abort()
		}
	}
}

// admit gives c a place among the handshakes that run. If there is none, the oldest one has had its time: of many that
// stall, an honest one is never among the oldest for long.
func (l *Layer) admit(c *Conn) *list.Element {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shaking.Len() >= l.config.HandshakesMax {
		oldest := l.shaking.Remove(l.shaking.Front()).(*Conn)
		oldest.crowded.Store(true)
		oldest.outer.Abort()
	}
	return l.shaking.PushBack(c)
}

// leave ends what admit began. Afterwards nobody calls Abort for it.
func (l *Layer) leave(e *list.Element) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shaking.Remove(e)
}
