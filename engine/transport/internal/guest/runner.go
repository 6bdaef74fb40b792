//go:build linux || darwin

package guest

import (
	"net"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

// Runner is the portable transport with connections that rest on a library's loops. It implements transport.Runner.
type Runner struct {
	transport.Runner
	loops Loops
	stays bool // a loop cannot let go of a connection without loss
	stop  func()
	crew  *crew
	done  chan struct{}
}

// NewRunner returns a runner whose connections live on loops. stays: the library cannot let go of a connection without
// loss. stop is called when none is left.
func NewRunner(o transport.Options, loops Loops, stays bool, stop func()) (*Runner, error) {
	p, err := portable.New(o)
	if err != nil {
		return nil, err
	}
	return &Runner{Runner: p, loops: loops, stays: stays, stop: stop, crew: newCrew(), done: make(chan struct{})}, nil
}

// Serve implements transport.Runner.
func (r *Runner) Serve(l net.Listener) error {
	go func() {
		<-r.Runner.Done()
		r.stop()
		close(r.crew.stop)
		close(r.done)
	}()
	return r.Runner.Serve(&listener{l, r})
}

// Done implements transport.Runner.
func (r *Runner) Done() <-chan struct{} { return r.done }

// listener is a listener whose connections can go on loops, if they are sockets.
type listener struct {
	net.Listener
	r *Runner
}

func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return l.r.newConn(nc), nil
	}
	return nc, nil
}
