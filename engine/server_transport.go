package engine

import (
	"errors"
	"fmt"
	"net"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/epoll"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
	"github.com/peregrine-http/peregrine/internal/netio"
)

func (s *Server) options(sv *serving) transport.Options {
	return transport.Options{Loops: s.Loops, NetConns: s.NetConns, NewSession: transport.Layers(sv.listener, s.overTLS(sv)), Logf: s.Logf}
}

// newRunner makes the transport that Server.Transport and the listener ask for. Whoever asks for epoll by name gets it or
// an error; whoever leaves the choice gets what works.
func (s *Server) newRunner(sv *serving) (transport.Runner, error) {
	o := s.options(sv)
	named := s.Transport == "epoll"
	bottom := transport.Bottom(sv.listener)
	if named || s.Transport == "" && hasDescriptor(bottom) {
		if !hasDescriptor(bottom) {
			return nil, fmt.Errorf(`engine: Server.Transport is "epoll": the listener is a %T: want a *net.TCPListener or a *net.UnixListener`, bottom)
		}
		r, err := epoll.New(o)
		if err == nil {
			sv.loops = true
			return r, nil
		}
		if named || !errors.Is(err, netio.ErrUnsupported) {
			return nil, fmt.Errorf("engine: Server.Transport is %q: %w", s.Transport, err)
		}
	}
	return portable.New(o)
}

func hasDescriptor(l net.Listener) bool {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener:
		return true
	}
	_, simulated := l.(interface{ Kernel() netio.Kernel }) // in tests
	return simulated
}
