package netio

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func systemKernel(t testing.TB) Kernel {
	k, err := System()
	require.NoError(t, err)
	return k
}

func systemPoller(t testing.TB) Poller {
	p, err := systemKernel(t).NewPoller()
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// listen opens a listener of package net, and tells its descriptor, which stays the listener's.
func listen(t testing.TB, network string) (net.Listener, int) {
	address := "127.0.0.1:0"
	switch network {
	case "tcp6":
		address = "[::1]:0"
	case "unix":
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	raw, err := l.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	fd := -1
	require.NoError(t, raw.Control(func(n uintptr) { fd = int(n) }))
	return l, fd
}

// pair connects a client of package net with a descriptor accepted by the kernel under test, which the caller closes.
func pair(t testing.TB, network string) (fd int, client net.Conn) {
	l, lfd := listen(t, network)
	client, err := net.Dial(network, l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	return acceptOne(t, lfd), client
}

// acceptOne accepts a connection that has been dialled.
func acceptOne(t testing.TB, lfd int) int {
	fd, _, err := systemKernel(t).Accept(lfd)
	require.NoError(t, err, "a dial that has returned is in the accept queue")
	return fd
}

// waitFor parks until data has reported all of want, and returns what it reported.
func waitFor(t testing.TB, p Poller, data uint64, want Flags) (got Flags) {
	var events [8]Event
	for got&want != want {
		n, err := p.Wait(events[:], true)
		require.NoError(t, err)
		for _, e := range events[:n] {
			if e.Data == data {
				got |= e.Flags
			}
		}
	}
	return got
}
