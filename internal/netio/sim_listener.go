package netio

import (
	"net"
	"sync"
	"syscall"
)

// SimListener is a listening descriptor of the simulator as a server's owner has it: a net.Listener that brings its
// kernel along. Connections are taken from the descriptor; Accept only waits for the end.
type SimListener struct {
	s  *Sim
	fd int

	mu     sync.Mutex // guards the following
	users  int        // calls of Control under way
	closed chan struct{}
	gone   bool // closed has been closed
}

var (
	_ net.Listener = (*SimListener)(nil)
	_ syscall.Conn = (*SimListener)(nil)
)

// Listener opens a listening socket as a net.Listener. In a bubble of testing/synctest it is called inside.
func (s *Sim) Listener() *SimListener {
	return &SimListener{s: s, fd: s.Listen(), closed: make(chan struct{})}
}

// Kernel returns the simulator.
func (l *SimListener) Kernel() Kernel { return l.s }

// Dial begins a connection to l, as Sim.Dial does.
func (l *SimListener) Dial() (*SimClient, error) { return l.s.Dial(l.fd) }

// Accept blocks until Close and returns net.ErrClosed.
func (l *SimListener) Accept() (net.Conn, error) {
	<-l.closed
	return nil, net.ErrClosed
}

// Close closes the descriptor, as soon as no Control is under way, and does not wait for that. The second Close returns
// net.ErrClosed.
func (l *SimListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return net.ErrClosed
	}
	l.gone = true
	close(l.closed)
	if l.users == 0 {
		return l.s.Close(l.fd)
	}
	return nil
}

// Addr returns an address of the network that Accept's peers are from.
func (l *SimListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 0), Port: 80} }

// SyscallConn gives access to the descriptor.
func (l *SimListener) SyscallConn() (syscall.RawConn, error) { return simRawListener{l}, nil }

// simRawListener is what SyscallConn returns. As with a socket of package net, a descriptor in use is not closed.
type simRawListener struct{ l *SimListener }

// Control calls f with the descriptor. It returns net.ErrClosed after Close.
func (r simRawListener) Control(f func(fd uintptr)) error {
	l := r.l
	l.mu.Lock()
	if l.gone {
		l.mu.Unlock()
		return net.ErrClosed
	}
	l.users++
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.users--; l.users == 0 && l.gone {
			l.s.Close(l.fd)
		}
	}()
	f(uintptr(l.fd))
	return nil
}

// Read fails: a listener has nothing to read.
func (simRawListener) Read(func(uintptr) bool) error { return errSimInvalid }

// Write fails: a listener takes no bytes.
func (simRawListener) Write(func(uintptr) bool) error { return errSimInvalid }
