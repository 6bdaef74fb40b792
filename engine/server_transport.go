package engine

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/epoll"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
	"github.com/peregrine-http/peregrine/internal/netio"
)

func (s *Server) options(sv *serving) transport.Options {
	return transport.Options{Loops: s.Loops, NetConns: s.NetConns, NewSession: transport.Layers(sv.listener, s.overTLS(sv)), Logf: s.Logf}
}

// maker makes a runner of one transport.
type maker = func(transport.Options) (transport.Runner, error)

// registered are the transports that a program has imported, by name, besides those that are always there.
var registered struct {
	sync.RWMutex
	makers map[string]maker
}

// imports are the packages of this module that register a transport, by its name.
var imports = map[string]string{
	"gnet":    "github.com/peregrine-http/peregrine/engine/transport/gnet",
	"netpoll": "github.com/peregrine-http/peregrine/engine/transport/netpoll",
}

// RegisterTransport makes a transport known as a value of Server.Transport. It serves *net.TCPListener and *net.UnixListener.
// It is for the init function of the transport's package, and panics if the name is taken. Any goroutine.
func RegisterTransport(name string, newRunner func(transport.Options) (transport.Runner, error)) {
	if CheckTransport(name) == nil {
		panic(fmt.Sprintf("engine: RegisterTransport: there is a transport %q already", name))
	}
	registered.Lock()
	defer registered.Unlock()
	if registered.makers == nil {
		registered.makers = make(map[string]maker)
	}
	registered.makers[name] = newRunner
}

// CheckTransport returns an error that says what Server.Transport may be, or what to import, if name is not known. Any
// goroutine.
func CheckTransport(name string) error {
	if name == "" || name == "epoll" || name == "portable" || registeredAs(name) != nil {
		return nil
	}
	if path := imports[name]; path != "" {
		return fmt.Errorf("Server.Transport is %q, and the program does not import it: want import _ %q", name, path)
	}
	registered.RLock()
	defer registered.RUnlock()
	var want strings.Builder
	for _, other := range slices.Sorted(maps.Keys(registered.makers)) {
		fmt.Fprintf(&want, "%q, ", other)
	}
	return fmt.Errorf(`Server.Transport is %q: want %s"epoll", "portable" or ""`, name, want.String())
}

func registeredAs(name string) maker {
	registered.RLock()
	defer registered.RUnlock()
	return registered.makers[name]
}

// newRunner makes the transport that Server.Transport and the listener ask for. Whoever asks for epoll by name gets it or
// an error; whoever leaves the choice gets what works.
func (s *Server) newRunner(sv *serving) (transport.Runner, error) {
	o := s.options(sv)
	named := s.Transport == "epoll"
	bottom := transport.Bottom(sv.listener)
	if s.Transport != "" && s.Transport != "portable" && !hasDescriptor(bottom) {
		return nil, fmt.Errorf("engine: Server.Transport is %q: the listener is a %T: want a *net.TCPListener or a *net.UnixListener", s.Transport, bottom)
	}
	if make := registeredAs(s.Transport); make != nil {
		r, err := make(o)
		if err != nil {
			return nil, fmt.Errorf("engine: Server.Transport is %q: %w", s.Transport, err)
		}
		return r, nil
	}
	if named || s.Transport == "" && hasDescriptor(bottom) {
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
