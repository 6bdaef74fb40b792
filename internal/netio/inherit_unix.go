//go:build linux || darwin

package netio

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SetReusePort lets other sockets of this user listen on the address that fd is going to be bound to. On Linux the kernel
// spreads connections over them.
func SetReusePort(fd int) error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// SetPrivate has the file of a Unix socket that fd is going to be bound to be for this user alone, from its first moment.
// Linux heeds it.
func SetPrivate(fd int) error {
	return os.NewSyscallError("fchmod", ignoreInvalid(unix.Fchmod(fd, 0o600)))
}

// ignoreInvalid: macOS knows no mode of a socket.
func ignoreInvalid(err error) error {
	if errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

// SetBacklog bounds the connections that wait at a listening socket to be accepted. The kernel has a bound of its own, which
// package net asks for (net.core.somaxconn).
func SetBacklog(fd, n int) error {
	return os.NewSyscallError("listen", unix.Listen(fd, n))
}

// TryLock takes the advisory lock of an open file or directory, and reports false if another descriptor has it. It is given
// back by closing fd.
func TryLock(fd int) (bool, error) {
	err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

// Dup returns a second descriptor for what fd is, which programs that are started do not inherit. It is none of the first
// three: libraries take those for standard input and output, and do not close them. The (*net.TCPListener).File
// of package net is no substitute: to hand its file to a program makes the socket blocking, for all who have it.
func Dup(fd int) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	return n, os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
}

// Own makes an inherited descriptor one of this program: non-blocking, and not inherited further.
func Own(fd int) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return os.NewSyscallError("fcntl O_NONBLOCK", err)
	}
	unix.CloseOnExec(fd)
	return nil
}

// IsListening returns nil if fd is a stream socket that listens, and otherwise an error that says what is wrong with it.
func IsListening(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case errors.Is(err, unix.EBADF):
		return errors.New("is not open")
	case errors.Is(err, unix.ENOTSOCK):
		return errors.New("is not a socket")
	case err != nil:
		return os.NewSyscallError("getsockopt SO_TYPE", err)
	case kind != unix.SOCK_STREAM:
		return fmt.Errorf("is a socket of type %d, not a stream socket", kind)
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case err != nil:
		return os.NewSyscallError("getsockopt SO_ACCEPTCONN", err)
	case listening == 0:
		return errors.New("is a socket that does not listen")
	}
	return nil
}

// Monotonic returns the time in microseconds of the clock that neither stops nor is set, which service managers ask for.
func Monotonic() (int64, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return now.Nano() / 1000, nil
}
