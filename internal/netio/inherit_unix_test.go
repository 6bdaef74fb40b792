//go:build linux || darwin

package netio

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// number returns a socket's descriptor, which is valid as long as the socket is not closed.
func number(t *testing.T, c syscall.Conn) (fd int) {
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(n uintptr) { fd = int(n) }))
	return fd
}

func TestIsListening(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		addr := "127.0.0.1:0"
		if network == "unix" {
			addr = filepath.Join(t.TempDir(), "s")
		}
		l, err := net.Listen(network, addr)
		require.NoError(t, err)
		defer l.Close()
		require.NoError(t, IsListening(number(t, l.(syscall.Conn))))
		c, err := net.Dial(network, l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		require.EqualError(t, IsListening(number(t, c.(syscall.Conn))), "is a socket that does not listen")
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer packets.Close()
	require.ErrorContains(t, IsListening(number(t, packets.(syscall.Conn))), "not a stream socket")
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	require.EqualError(t, IsListening(number(t, null)), "is not a socket")
	require.EqualError(t, IsListening(1<<20), "is not open")
}

// TestDup: a file made of the copy may be given to a program without the socket becoming a blocking one.
func TestDup(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	fd, err := Dup(number(t, l.(syscall.Conn)))
	require.NoError(t, err)
	f := os.NewFile(uintptr(fd), "copy")
	defer f.Close()
	require.EqualValues(t, fd, f.Fd())
	require.False(t, blocking(t, fd))
	require.NoError(t, syscall.SetNonblock(fd, false))
	require.NoError(t, Own(fd))
	require.False(t, blocking(t, fd))
	_, err = Dup(1 << 20)
	require.Error(t, err)
	require.Error(t, Own(1<<20))
}

func blocking(t *testing.T, fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	require.NoError(t, err)
	return flags&unix.O_NONBLOCK == 0
}

// A daemon may have closed its standard input: its number is not for connections.
func TestDupLeavesTheFirstThree(t *testing.T) {
	kept, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	require.NoError(t, err)
	require.NoError(t, unix.Close(0))
	fd, err := Dup(kept)
	require.NoError(t, unix.Dup2(kept, 0))
	require.NoError(t, unix.Close(kept))
	require.NoError(t, err)
	require.Greater(t, fd, 2)
	require.NoError(t, unix.Close(fd))
}
