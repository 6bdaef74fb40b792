package portable

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// runner implements transport.Runner.
type runner struct {
	o     transport.Options
	desks sync.Pool // of *desk

	stop chan struct{} // closed by Drain and Close
	done chan struct{}

	mu       sync.Mutex // guards the following; taken before a conn's
	listener net.Listener
	conns    map[*conn]struct{}
	served   bool // Serve has returned
	cut      bool // Close has been called
}

// New returns a runner that makes one goroutine for each connection. Options.Loops does not concern it, and
// Conn.NetConn is always there.
func New(o transport.Options) (transport.Runner, error) {
	if o.NewSession == nil {
		return nil, errors.New("portable: Options.NewSession is nil")
	}
	return &runner{
		o:     o,
		conns: make(map[*conn]struct{}),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}, nil
}

// Serve implements transport.Runner.
func (r *runner) Serve(l net.Listener) error {
	l = &onceListener{Listener: l}
	defer r.endServe()
	defer l.Close()
	r.mu.Lock()
	r.listener = l
	r.mu.Unlock()
	if r.stopped() {
		return transport.ErrStopped
	}

	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err != nil {
			if r.stopped() {
				return transport.ErrStopped
			}
			//lint:ignore SA1019 this is how a listener says that it ran out of descriptors
			if ne, ok := err.(net.Error); !ok || !ne.Temporary() {
				return err
			}
			pause = min(max(2*pause, acceptPauseMin), acceptPauseMax)
			if r.o.Logf != nil {
				r.o.Logf("http: Accept error: %v; retrying in %v", err, pause)
			}
			select {
			case <-r.stop:
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		c := newConn(r, nc)
		c.session = r.o.NewSession(c)
		r.add(c)
		go c.serve()
	}
}

// onceListener keeps a listener from being closed twice, which some take badly.
type onceListener struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *onceListener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

func (r *runner) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

func (r *runner) add(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = struct{}{}
	if r.cut {
		c.shut(false)
	}
}

// remove forgets c: it is closed or hijacked.
func (r *runner) remove(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.conns[c]; ok {
		delete(r.conns, c)
		r.checkDone()
	}
}

func (r *runner) endServe() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.served = true
	r.checkDone()
}

func (r *runner) checkDone() {
	if r.served && len(r.conns) == 0 {
		close(r.done)
	}
}

// CloseIdle implements transport.Runner.
func (r *runner) CloseIdle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.closeIdle()
		if r.stopped() {
			c.drain()
		}
	}
}

// Drain implements transport.Runner. What is not idle now looks at r.stop before it waits again.
func (r *runner) Drain() {
	r.stopAccepting()
	r.CloseIdle()
}

// Close implements transport.Runner.
func (r *runner) Close() {
	r.stopAccepting()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
	for c := range r.conns {
		c.shut(false)
	}
}

func (r *runner) stopAccepting() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped() {
		close(r.stop)
	}
	if r.listener != nil {
		r.listener.Close()
	}
}

// Done implements transport.Runner.
func (r *runner) Done() <-chan struct{} { return r.done }

// Conns implements transport.Runner.
func (r *runner) Conns() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}
