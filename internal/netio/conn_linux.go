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
// when the listener got them. Keep-alive that is on already is somebody's choice (SetListening): it stays as it is.
func SetConnOptions(fd int) error {
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
	if err != nil {
		return fmt.Errorf("netio: get SO_KEEPALIVE: %w", err)
	}
	if err := setTCP(fd, []tcpOption{{"TCP_NODELAY", unix.TCP_NODELAY, 1}}); err != nil || on != 0 {
		return err
	}
	return setKeepAlive(fd, keepAliveIdle, keepAliveInterval, keepAliveCount)
}

type tcpOption struct {
	name          string
	option, value int
}

func setTCP(fd int, options []tcpOption) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, o.option, o.value); err != nil {
			return fmt.Errorf("netio: set %s: %w", o.name, err)
		}
	}
	return nil
}

func setKeepAlive(fd, idle, interval, count int) error {
	if err := setTCP(fd, []tcpOption{
		{"TCP_KEEPIDLE", unix.TCP_KEEPIDLE, idle},
		{"TCP_KEEPINTVL", unix.TCP_KEEPINTVL, interval},
		{"TCP_KEEPCNT", unix.TCP_KEEPCNT, count},
	}); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1); err != nil {
		return fmt.Errorf("netio: set SO_KEEPALIVE: %w", err)
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
	kept, on := keepAlive(fd)
	c, err := net.FileConn(f)
	if err != nil || !on || kept == [...]int{keepAliveIdle, keepAliveInterval, keepAliveCount} {
		return c, err
	}
	// Package net has put its own keep-alive in the place of what somebody had chosen.
	if fd, err = ConnFD(c); err == nil {
		err = setKeepAlive(fd, kept[0], kept[1], kept[2])
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// CopyConn is NetConn for a duplicate of fd, which stays the caller's: who can have no net.Conn for want of descriptors (it
// takes two for a moment) has lost nothing.
func CopyConn(fd int) (net.Conn, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return NetConn(dup)
}

// keepAlive returns idle time, interval and count of a TCP connection's keep-alive, if it is on.
func keepAlive(fd int) (kept [3]int, ok bool) {
	if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE); err != nil || on == 0 {
		return kept, false
	}
	for i, option := range [...]int{unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT} {
		n, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, option)
		if err != nil {
			return kept, false
		}
		kept[i] = n
	}
	return kept, true
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
