//go:build linux || darwin

package netio

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// The calls on a connected socket that some other library's event loop reads from.

// ShutWrite ends our side of a connection.
func ShutWrite(fd int) error { return os.NewSyscallError("shutdown", unix.Shutdown(fd, unix.SHUT_WR)) }

// ResetOnClose makes the close of the last descriptor send a reset instead of an orderly end.
func ResetOnClose(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
}

// CloseFD closes a descriptor.
func CloseFD(fd int) error { return os.NewSyscallError("close", unix.Close(fd)) }

// Conn makes a *net.TCPConn or *net.UnixConn of a connected socket and takes it over: fd is closed, also on error.
func Conn(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "netio")
	defer f.Close()
	return net.FileConn(f)
}
