package netio

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Keep-alive as package net sets it on every connection it accepts: the first probe after 15 s of silence, one every 15 s
// then, dead after 9.
const (
	keepAliveIdle     = 15 // seconds
	keepAliveInterval = 15 // seconds
	keepAliveCount    = 9
)

// SetListenerOptions sets on a listening socket what package net sets on each connection it accepts (TCP_NODELAY,
// keep-alive), because on Linux a connection inherits it: four system calls per listener instead of per connection. A
// Unix socket has no such options. It also makes the socket non-blocking, which a duplicate in somebody's hands
// (os.File.Fd) may have undone, and Accept relies on.
func SetListenerOptions(fd int) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return asIOError(err)
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return asIOError(err)
	}
	if domain != unix.AF_INET && domain != unix.AF_INET6 {
		return nil
	}
	if err := SetConnOptions(fd); err != nil {
		return fmt.Errorf("netio: listener: %w", err)
	}
	return nil
}

// SetConnOptions sets these options on a TCP connection that has not inherited them: one that was in the listener's queue
// when the listener got them.
func SetConnOptions(fd int) error {
	for _, o := range [...]struct {
		name                 string
		level, option, value int
	}{
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAliveIdle},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAliveInterval},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveCount},
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.option, o.value); err != nil {
			return fmt.Errorf("netio: set %s: %w", o.name, err)
		}
	}
	return nil
}

// NetConn makes a *net.TCPConn or *net.UnixConn of a connected socket and takes it over: fd is closed, also on error, and
// the connection has a number of its own. A poller that watches fd must have been told to Remove it before: epoll
// follows the open socket, which lives on, and would report it for ever under a number that is no longer ours.
func NetConn(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "netio")
	if f == nil {
		return nil, ErrClosed
	}
	defer f.Close()
	return net.FileConn(f)
}

// ConnFD returns the descriptor of a *net.TCPConn or *net.UnixConn (of any connection that has a SyscallConn). It stays
// c's: it is valid until c is closed, and c.Close closes it.
func ConnFD(c net.Conn) (int, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("netio: a %T has no descriptor: %w", c, ErrUnsupported)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	if err := raw.Control(func(n uintptr) { fd = int(n) }); err != nil {
		return -1, err
	}
	return fd, nil
}
