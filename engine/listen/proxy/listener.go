package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// Config says whose headers are taken, and from when on one is late.
type Config struct {
	// Trusted are the proxies. Required: to trust everybody takes 0.0.0.0/0 and ::/0.
	Trusted listen.Peers
	// Optional serves connections without a header, too, with the addresses that they have: those of peers that are not
	// trusted, and those that trusted ones begin without one, or send nothing on before Timeout has passed. A header
	// of a peer that is not trusted ends its connection in any case. It is for a time of change: as long as clients
	// reach the server past the proxy, who looks like a proxy's client may not be one. Default: every connection must
	// begin with a header of a trusted peer.
	Optional bool
	// Timeout bounds the wait for the header, from accept on. Default TimeoutDefault.
	Timeout time.Duration
	// Logger is told of connections that are refused. Default slog.Default.
	Logger *slog.Logger
}

// Listener is a listener whose connections begin with a header of the PROXY protocol. It implements transport.Layered.
// All its methods may be called by any goroutine.
type Listener struct {
	net.Listener
	config  Config
	journal journal
}

var _ transport.Layered = (*Listener)(nil)

// New returns a listener that accepts from l. It fails if l is nil, if nobody is trusted, and for other values of the
// configuration that make no sense.
func New(l net.Listener, c Config) (*Listener, error) {
	if l == nil {
		return nil, errors.New("proxy: New: the listener is nil")
	}
	if c.Trusted.None() {
		return nil, errors.New("proxy: Config.Trusted is nobody, so that no header would be taken: want the addresses of the proxies")
	}
	if err := c.Trusted.Check(); err != nil {
		return nil, fmt.Errorf("proxy: Config.Trusted: %w", err)
	}
	if c.Timeout < 0 {
		return nil, fmt.Errorf("proxy: Config.Timeout is %v: want more than 0, or 0 for %v", c.Timeout, TimeoutDefault)
	}
	if c.Timeout == 0 {
		c.Timeout = TimeoutDefault
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Listener{Listener: l, config: c, journal: journal{log: c.Logger}}, nil
}

// Beneath implements transport.Layered.
func (l *Listener) Beneath() net.Listener { return l.Listener }

// refused tells the log of a connection that is going to be closed.
func (l *Listener) refused(peer net.Addr, why error) { l.journal.line(peer, why, time.Now()) }
