//go:build linux || darwin

package gnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/internal/guest"
)

// New returns a runner whose connections live on gnet's loops, of which there are Options.Loops. They are started with the
// first connection.
func New(o transport.Options) (transport.Runner, error) {
	if o.Loops < 0 || o.Loops > loopsMax {
		return nil, fmt.Errorf("gnet: Options.Loops is %d, want 0 to %d", o.Loops, loopsMax)
	}
	if o.Loops == 0 {
		o.Loops = min(runtime.GOMAXPROCS(0), loopsMax)
	}
	l := &loops{n: o.Loops}
	l.log.logf.Store(&o.Logf)
	return guest.NewRunner(o, l, false, l.stop)
}

// loops are gnet's, without a listener: what gnet calls a client.
type loops struct {
	gnet.BuiltinEventEngine
	n   int
	log logger

	mu      sync.RWMutex // held for reading while a loop is sent something
	client  *gnet.Client
	started atomic.Bool
	stopped bool
}

var errStopped = errors.New("gnet: the loops have ended")

// start starts the loops if they have not been.
func (l *loops) start() error {
	if l.started.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil || l.stopped {
		return nil
	}
	client, err := gnet.NewClient(l, gnet.WithNumEventLoop(l.n), gnet.WithLogger(&l.log), gnet.WithReadBufferCap(readMax))
	if err != nil {
		return err
	}
	if err := client.Start(); err != nil {
		return err
	}
	l.client = client
	l.started.Store(true)
	return nil
}

func (l *loops) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	if l.client != nil {
		l.client.Stop()
	}
	l.log.logf.Store(nil)
}

// Enter implements guest.Loops. It returns when the loop has the connection.
func (l *loops) Enter(c *guest.Conn, sock net.Conn) {
	if err := l.enter(c, sock); err != nil && !errors.Is(err, net.ErrClosed) {
		l.log.Errorf("%v does not come to a loop: %v", c.RemoteAddr(), err)
	}
}

func (l *loops) enter(c *guest.Conn, sock net.Conn) error {
	if err := l.start(); err != nil {
		return err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.stopped {
		return errStopped
	}
	if sock.RemoteAddr() == nil || sock.LocalAddr() == nil {
		return net.ErrClosed // the peer has gone before package net could ask for its name, and gnet would ask it again
	}
	withoutZone(sock.LocalAddr())
	withoutZone(sock.RemoteAddr())
	_, err := l.client.EnrollContext(sock, c)
	return err
}

// withoutZone takes the zone out of an address that is about to be gnet's: with the end of the connection, gnet gives the
// bytes of that string to its pool, and whoever gets them from there writes into what package net has for the name of the
// interface in every address. Our own addresses are copies.
func withoutZone(a net.Addr) {
	if tcp, ok := a.(*net.TCPAddr); ok {
		tcp.Zone = ""
	}
}

// seat is a connection's place on a loop.
type seat struct {
	l     *loops
	place gnet.Conn
}

// Leave implements guest.Seat.
func (s seat) Leave() {
	s.l.mu.RLock()
	defer s.l.mu.RUnlock()
	if !s.l.stopped {
		s.place.Close()
	}
}

// OnOpen implements gnet.EventHandler.
func (l *loops) OnOpen(place gnet.Conn) ([]byte, gnet.Action) {
	if !place.Context().(*guest.Conn).Entered(place.Fd(), seat{l, place}) {
		return nil, gnet.Close
	}
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler. gnet goes on reading whether anybody listens or not, so a connection that
// sends faster than it is read leaves the loop.
func (l *loops) OnTraffic(place gnet.Conn) gnet.Action {
	p, err := place.Next(-1)
	if err != nil || place.Context().(*guest.Conn).Deliver(p) > inputHigh {
		return gnet.Close
	}
	return gnet.None
}

// OnClose implements gnet.EventHandler.
func (l *loops) OnClose(place gnet.Conn, err error) gnet.Action {
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	place.Context().(*guest.Conn).Left(err)
	return gnet.None
}
