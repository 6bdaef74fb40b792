//go:build linux || darwin

package netio

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair returns two connected Unix stream sockets, non-blocking, which programs that are started do not inherit.
func Pair() (a, b int, err error) {
	syscall.ForkLock.RLock() // on macOS a socket is made first, and then kept from programs
	defer syscall.ForkLock.RUnlock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, -1, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		err = errors.Join(err, os.NewSyscallError("fcntl O_NONBLOCK", unix.SetNonblock(fd, true)))
	}
	if err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return -1, -1, err
	}
	return fds[0], fds[1], nil
}
