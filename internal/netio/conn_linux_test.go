package netio

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestSockAddrs asks package net about the same connections.
func TestSockAddrs(t *testing.T) {
	for _, tc := range []struct{ name, network, listen, dial string }{
		{"IPv4", "tcp", "127.0.0.1:0", ""},
		{"IPv6", "tcp", "[::1]:0", ""},
		{"IPv4 client of an IPv6 socket", "tcp", "[::]:0", "127.0.0.1"},
		{"unix", "unix", filepath.Join(t.TempDir(), "s"), ""},
		{"unix, abstract", "unix", "@peregrine-netio-test-" + filepath.Base(t.TempDir()), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := net.Listen(tc.network, tc.listen)
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			address := l.Addr().String()
			if tc.dial != "" {
				_, port, _ := net.SplitHostPort(address)
				address = net.JoinHostPort(tc.dial, port)
			}
			client, err := net.Dial(tc.network, address)
			require.NoError(t, err)
			defer client.Close()
			c, err := l.Accept()
			require.NoError(t, err)
			defer c.Close()

			fd, err := ConnFD(c)
			require.NoError(t, err)
			local, remote, err := SockAddrs(fd)
			require.NoError(t, err)
			require.Equal(t, c.LocalAddr().String(), local.String())
			require.Equal(t, c.RemoteAddr().String(), remote.String())
			require.Equal(t, c.LocalAddr().Network(), local.Network())
			require.IsType(t, c.RemoteAddr(), remote)
		})
	}
}

// TestZone: the names that link-local peers carry.
func TestZone(t *testing.T) {
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		require.Equal(t, i.Name, zone(uint32(i.Index)))
	}
	require.Equal(t, "", zone(0))
	require.Equal(t, "4000000", zone(4000000))
}

func TestSockAddrsAfterReset(t *testing.T) {
	fd, c := pair(t, "tcp4")
	p := systemPoller(t)
	require.NoError(t, p.Add(fd, 1))
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	waitFor(t, p, 1, Hup)
	local, remote, err := SockAddrs(fd)
	require.Equal(t, ErrReset, err)
	require.Equal(t, c.RemoteAddr().String(), local.String())
	require.Nil(t, remote)
	systemKernel(t).Close(fd)
}

// TestSetListenerOptions compares an accepted socket with one that package net has accepted, from listeners with and
// without MPTCP, which package net opens by default and whose options go another way through the kernel.
func TestSetListenerOptions(t *testing.T) {
	options := []struct {
		name          string
		level, option int
	}{
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE},
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
	}
	for _, mptcp := range []bool{false, true} {
		var config net.ListenConfig
		config.SetMultipathTCP(mptcp)
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			l, err := config.Listen(context.Background(), "tcp", address)
			if err != nil {
				continue // no IPv6
			}
			raw, err := l.(*net.TCPListener).SyscallConn()
			require.NoError(t, err)
			dial := func() net.Conn {
				c, err := net.Dial("tcp", l.Addr().String())
				require.NoError(t, err)
				return c
			}
			c1 := dial()
			theirs, err := l.Accept() // before our options are set
			require.NoError(t, err)
			theirFD, err := ConnFD(theirs)
			require.NoError(t, err)

			var ours int
			c2 := dial()
			_ = raw.Control(func(fd uintptr) {
				ours = acceptOne(t, int(fd))
			})
			bare, err := unix.GetsockoptInt(ours, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
			require.NoError(t, err)
			require.Zero(t, bare, "set without our doing: this test proves nothing")
			systemKernel(t).Close(ours)

			c3 := dial()
			_ = raw.Control(func(fd uintptr) {
				require.NoError(t, SetListenerOptions(int(fd)))
			})
			c4 := dial()
			for range 2 { // one that was in the queue when the options were set, one that came later
				_ = raw.Control(func(fd uintptr) { ours = acceptOne(t, int(fd)) })
				defer systemKernel(t).Close(ours)
			}
			for _, o := range options {
				want, err := unix.GetsockoptInt(theirFD, o.level, o.option)
				require.NoError(t, err)
				got, err := unix.GetsockoptInt(ours, o.level, o.option)
				require.NoError(t, err)
				require.Equal(t, want, got, "%s, mptcp %v, %s", o.name, mptcp, address)
			}
			for _, c := range []io.Closer{c1, c2, c3, c4, theirs, l} {
				c.Close()
			}
		}
	}
	_, unixFD := listen(t, "unix")
	require.NoError(t, SetListenerOptions(unixFD))
}

func TestNetConn(t *testing.T) {
	forNetworks(t, func(t *testing.T, network string) {
		fd, client := pair(t, network)
		c, err := NetConn(fd)
		require.NoError(t, err)
		defer c.Close()
		if network == "unix" {
			require.IsType(t, (*net.UnixConn)(nil), c)
		} else {
			require.IsType(t, (*net.TCPConn)(nil), c)
			require.Equal(t, client.LocalAddr().String(), c.RemoteAddr().String())
		}
		own, err := ConnFD(c)
		require.NoError(t, err)
		require.NotEqual(t, fd, own)
		client.Write([]byte("ping"))
		b := make([]byte, 4)
		_, err = io.ReadFull(c, b)
		require.NoError(t, err)
		require.Equal(t, "ping", string(b))
		// Nothing else holds the socket: closing c ends it.
		c.Close()
		_, err = client.Read(b)
		require.Equal(t, io.EOF, err)
	})
}

func TestConnFDOfNothing(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	_, err := ConnFD(a)
	require.ErrorIs(t, err, ErrUnsupported)
}
