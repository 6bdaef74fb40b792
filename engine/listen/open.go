package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// Listen opens one listening socket. It may wait for a name to be looked up, and for another program that is opening a Unix
// socket in the same directory, 5 seconds at most.
func (c Config) Listen(addr string) (net.Listener, error) {
	a, err := c.check(addr)
	if err != nil {
		return nil, err
	}
	if a.Network == "unix" {
		return c.listenUnix(a)
	}
	return c.listenTCP(a)
}

// All opens a socket for each address, or none: after an error those that were opened are closed.
func (c Config) All(addrs ...string) ([]net.Listener, error) {
	var all []net.Listener
	for _, addr := range addrs {
		l, err := c.Listen(addr)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// Share opens n sockets on one TCP address, which the kernel spreads connections over, for as many loops or processes. It
// fails if anybody listens there already, sharing or not; the moment between this look and the first socket is
// the only one in which a second instance could slip in. With port 0 all have the same.
func (c Config) Share(addr string, n int) ([]net.Listener, error) {
	a, err := c.check(addr)
	switch {
	case err != nil:
		return nil, err
	case a.Network == "unix":
		return nil, fmt.Errorf("listen: cannot share %s: SO_REUSEPORT is for TCP: let the sharers have one socket", a)
	case n < 1:
		return nil, fmt.Errorf("listen: Share is asked for %d sockets: want 1 or more", n)
	}
	c.ReusePort = false
	first, err := c.listenTCP(a)
	if err != nil {
		return nil, err
	}
	a.Name = first.Addr().String()
	first.Close()
	c.ReusePort = true
	var all []net.Listener
	for range n {
		l, err := c.listenTCP(a)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (c Config) check(addr string) (Address, error) {
	if err := c.Check(); err != nil {
		return Address{}, err
	}
	return Parse(addr)
}

func closeAll(all []net.Listener) {
	for _, l := range all {
		l.Close()
	}
}

func (c Config) listenTCP(a Address) (net.Listener, error) {
	c = c.settled()
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: c.KeepAliveIdle, Interval: c.KeepAliveInterval, Count: c.KeepAliveCount,
	}}
	if c.DeferAccept != 0 || c.FastOpen != 0 || c.Backlog != 0 {
		config.SetMultipathTCP(false) // not all kernels know these of it
	}
	config.Control = controlled(func(fd int) error {
		if c.ReusePort {
			if err := netio.SetReusePort(fd); err != nil {
				return err
			}
		}
		return netio.SetListening(fd, netio.Listening{
			KeepAliveIdle: seconds(c.KeepAliveIdle), KeepAliveInterval: seconds(c.KeepAliveInterval), KeepAliveCount: c.KeepAliveCount,
			DeferAccept: seconds(c.DeferAccept), FastOpen: c.FastOpen,
		})
	})
	l, err := config.Listen(context.Background(), a.Network, a.Name)
	if err != nil {
		return nil, refused(a, err)
	}
	if err := c.setBacklog(l); err != nil {
		l.Close()
		return nil, refused(a, err)
	}
	return l, nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// setBacklog: package net has asked for the most that there is; asking again is how to have less.
func (c Config) setBacklog(l net.Listener) error {
	if c.Backlog == 0 {
		return nil
	}
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	return controlled(func(fd int) error { return netio.SetBacklog(fd, c.Backlog) })("", "", raw)
}

// controlled calls f with a socket's descriptor.
func controlled(f func(fd int) error) func(_, _ string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
			return e
		}
		return err
	}
}

// refused says what is wrong, where, and what to do about it.
func refused(a Address, err error) error {
	advice := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = ": another program does, or another instance of this one, or another address here includes it: stop it, or choose another address"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = ": this machine has no such address: choose one of its own, or none for all"
	case errors.Is(err, syscall.EACCES) && a.Network != "unix":
		advice = ": the port is for privileged programs: choose one from 1024 on, or grant CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EACCES):
		advice = ": its directory is not to be written to by this user: choose another, or change its mode"
	case errors.Is(err, syscall.ENOENT) && a.Network == "unix":
		advice = ": its directory is missing: make it, or choose another"
	case errors.Is(err, netio.ErrUnsupported):
		advice = ": this system lacks what Config asks for (ReusePort, DeferAccept, FastOpen or Backlog): leave it out"
	}
	return fmt.Errorf("listen: cannot listen on %s%s: %w", a, advice, err)
}
