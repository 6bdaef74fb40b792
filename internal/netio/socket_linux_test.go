package netio

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var networks = []string{"tcp4", "tcp6", "unix"}

func forNetworks(t *testing.T, f func(t *testing.T, network string)) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			if network == "tcp6" {
				if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
					t.Skip("no IPv6 on this machine")
				} else {
					l.Close()
				}
			}
			f(t, network)
		})
	}
}

func TestAccept(t *testing.T) {
	forNetworks(t, func(t *testing.T, network string) {
		k := systemKernel(t)
		l, lfd := listen(t, network)
		_, _, err := k.Accept(lfd)
		require.Equal(t, ErrAgain, err)

		c, err := net.Dial(network, l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		fd, peer, err := k.Accept(lfd)
		require.NoError(t, err)
		if network == "unix" {
			require.Zero(t, peer)
		} else {
			require.Equal(t, netip.MustParseAddrPort(c.LocalAddr().String()), peer)
		}
		status, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		require.NoError(t, err)
		require.NotZero(t, status&unix.O_NONBLOCK)
		onExec, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		require.NoError(t, err)
		require.NotZero(t, onExec&unix.FD_CLOEXEC)
		require.NoError(t, k.Close(fd))
	})
}

func TestReadWrite(t *testing.T) {
	forNetworks(t, func(t *testing.T, network string) {
		k, p := systemKernel(t), systemPoller(t)
		fd, c := pair(t, network)
		require.NoError(t, p.Add(fd, 1))
		b := make([]byte, 64)

		_, err := k.Read(fd, b)
		require.Equal(t, ErrAgain, err)
		_, err = k.Read(fd, nil)
		require.Error(t, err, "0, nil would be the end of the stream")

		c.Write([]byte("hello"))
		waitFor(t, p, 1, In)
		n, err := k.Read(fd, b[:3])
		require.NoError(t, err)
		require.Equal(t, "hel", string(b[:n]))
		n, err = k.Read(fd, b)
		require.NoError(t, err)
		require.Equal(t, "lo", string(b[:n]))

		n, err = k.Write(fd, []byte("world"))
		require.NoError(t, err)
		require.Equal(t, 5, n)
		n, err = k.Write(fd, nil)
		require.NoError(t, err)
		require.Zero(t, n)
		_, err = io.ReadFull(c, b[:5])
		require.NoError(t, err)
		require.Equal(t, "world", string(b[:5]))

		// Half-close from each side: the other direction goes on.
		c.(interface{ CloseWrite() error }).CloseWrite()
		got := waitFor(t, p, 1, In|RdHup)
		require.Zero(t, got&(Hup|Err))
		n, err = k.Read(fd, b)
		require.NoError(t, err)
		require.Zero(t, n)
		_, err = k.Write(fd, []byte("late"))
		require.NoError(t, err)
		require.NoError(t, k.CloseWrite(fd))
		rest, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "late", string(rest))
		_, err = k.Write(fd, []byte("too late"))
		require.Equal(t, ErrReset, err)
		require.NoError(t, k.Close(fd))
	})
}

// TestUnread: it looks, and takes nothing. The end of the stream is no input.
func TestUnread(t *testing.T) {
	forNetworks(t, func(t *testing.T, network string) {
		k := systemKernel(t)
		fd, c := pair(t, network)
		require.False(t, k.Unread(fd))
		_, err := c.Write([]byte("ab"))
		require.NoError(t, err)
		b := make([]byte, 1)
		for _, want := range []string{"a", "b"} {
			require.True(t, k.Unread(fd))
			require.True(t, k.Unread(fd))
			_, err := k.Read(fd, b)
			require.NoError(t, err)
			require.Equal(t, want, string(b))
		}
		require.False(t, k.Unread(fd))
		require.NoError(t, c.Close())
		require.False(t, k.Unread(fd))
		require.NoError(t, k.Close(fd))
	})
}

func TestClosedDescriptor(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	// A number that nobody in this process has: a just closed one may be somebody's again.
	const none = 1 << 20
	_, err := k.Read(none, make([]byte, 1))
	require.Equal(t, ErrClosed, err)
	_, err = k.Write(none, make([]byte, 1))
	require.Equal(t, ErrClosed, err)
	_, err = k.WriteMore(none, make([]byte, 1))
	require.Equal(t, ErrClosed, err)
	_, err = k.Writev(none, [][]byte{{1}})
	require.Equal(t, ErrClosed, err)
	_, err = k.SendFile(none, 0, 1)
	require.Equal(t, ErrClosed, err)
	_, _, err = k.Accept(none)
	require.Equal(t, ErrClosed, err)
	require.False(t, k.Unread(none))
	require.Equal(t, ErrClosed, k.Close(none))
	require.Equal(t, ErrClosed, k.CloseWrite(none))
	require.Equal(t, ErrClosed, k.Reset(none))
	require.Equal(t, ErrClosed, p.Add(none, 1))
	require.Equal(t, ErrClosed, p.Remove(none))
	_, _, err = SockAddrs(none)
	require.Equal(t, ErrClosed, err)
	require.Equal(t, ErrClosed, SetListenerOptions(none))
	_, err = NetConn(none)
	require.Error(t, err)
}

// TestWriteFull fills the socket: ErrAgain, then one Out edge once the peer has read, and no byte is lost on the way.
func TestWriteFull(t *testing.T) {
	forNetworks(t, func(t *testing.T, network string) {
		k, p := systemKernel(t), systemPoller(t)
		fd, c := pair(t, network)
		require.NoError(t, p.Add(fd, 1))
		waitFor(t, p, 1, Out)

		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
		received := make(chan []byte)
		again := 0
		for left := sent; len(left) > 0; {
			n, err := k.Write(fd, left)
			if err == ErrAgain {
				if again++; again == 1 { // nobody has read until now, so it had to come
					go func() {
						b, _ := io.ReadAll(c)
						received <- b
					}()
				}
				waitFor(t, p, 1, Out)
				continue
			}
			require.NoError(t, err)
			left = left[n:]
		}
		require.NotZero(t, again, "16 MiB fit into a socket")
		require.NoError(t, k.Close(fd))
		require.True(t, bytes.Equal(sent, <-received))
	})
}

// TestWriteMore: what is kept back leaves with what follows.
func TestWriteMore(t *testing.T) {
	forNetworks(t, func(t *testing.T, network string) {
		k := systemKernel(t)
		fd, c := pair(t, network)
		n, err := k.WriteMore(fd, []byte("head, "))
		require.NoError(t, err)
		require.Equal(t, 6, n)
		n, err = k.WriteMore(fd, nil)
		require.NoError(t, err)
		require.Zero(t, n)
		_, err = k.Write(fd, []byte("body"))
		require.NoError(t, err)
		got := make([]byte, 64)
		n, err = io.ReadAtLeast(c, got, 10)
		require.NoError(t, err)
		require.Equal(t, "head, body", string(got[:n]))
		require.NoError(t, k.Close(fd))
	})
}

func TestWritev(t *testing.T) {
	k := systemKernel(t)
	for _, slices := range []int{0, 1, 2, WritevMax - 1, WritevMax, WritevMax + 3} {
		fd, c := pair(t, "tcp4")
		var p [][]byte
		var want []byte
		for i := range slices {
			b := bytes.Repeat([]byte{byte('a' + i)}, i%4) // every fourth is empty
			p = append(p, b)
			if i < WritevMax {
				want = append(want, b...)
			}
		}
		n, err := k.Writev(fd, p)
		require.NoError(t, err)
		require.Equal(t, len(want), n)
		require.NoError(t, k.Close(fd))
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}

func TestSendFile(t *testing.T) {
	forNetworks(t, func(t *testing.T, network string) {
		k := systemKernel(t)
		fd, c := pair(t, network)
		f, err := os.Create(filepath.Join(t.TempDir(), "f"))
		require.NoError(t, err)
		defer f.Close()
		f.WriteString("skipped, the file")
		f.Seek(9, io.SeekStart)

		n, err := k.SendFile(fd, int(f.Fd()), 3)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		n, err = k.SendFile(fd, int(f.Fd()), 100)
		require.NoError(t, err)
		require.Equal(t, 5, n)
		n, err = k.SendFile(fd, int(f.Fd()), 100)
		require.NoError(t, err)
		require.Zero(t, n)
		require.NoError(t, k.Close(fd))
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "the file", string(got))
	})
}

func TestPeerResets(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	fd, c := pair(t, "tcp4")
	require.NoError(t, p.Add(fd, 1))
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	waitFor(t, p, 1, In|RdHup|Hup|Err)
	_, err := k.Read(fd, make([]byte, 8))
	require.Equal(t, ErrReset, err)
	_, err = k.Write(fd, []byte("x"))
	require.Equal(t, ErrReset, err)
	require.NoError(t, k.Close(fd))
}

func TestReset(t *testing.T) {
	k := systemKernel(t)
	fd, c := pair(t, "tcp4")
	require.NoError(t, k.Reset(fd))
	require.NoError(t, k.Close(fd))
	_, err := c.Read(make([]byte, 8))
	require.ErrorIs(t, err, unix.ECONNRESET)
}

// TestBlockingDescriptor: somebody's File().Fd() makes the shared socket blocking. Reads and writes do not care, and
// SetListenerOptions undoes it for accept.
func TestBlockingDescriptor(t *testing.T) {
	k := systemKernel(t)
	fd, _ := pair(t, "tcp4")
	require.NoError(t, unix.SetNonblock(fd, false))
	_, err := k.Read(fd, make([]byte, 8))
	require.Equal(t, ErrAgain, err)
	b := make([]byte, 1<<20)
	for err = nil; err == nil; {
		_, err = k.Write(fd, b)
	}
	require.Equal(t, ErrAgain, err)
	for err = nil; err == nil; {
		_, err = k.Writev(fd, [][]byte{b})
	}
	require.Equal(t, ErrAgain, err)
	require.NoError(t, k.Close(fd))

	_, lfd := listen(t, "tcp4")
	require.NoError(t, unix.SetNonblock(lfd, false))
	require.NoError(t, SetListenerOptions(lfd))
	_, _, err = k.Accept(lfd)
	require.Equal(t, ErrAgain, err)
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		errno      unix.Errno
		accept, io error
	}{
		{unix.EAGAIN, ErrAgain, ErrAgain},
		{unix.EMFILE, ErrExhausted, unix.EMFILE},
		{unix.ENFILE, ErrExhausted, unix.ENFILE},
		{unix.ENOMEM, ErrExhausted, ErrExhausted},
		{unix.ENOBUFS, ErrExhausted, ErrExhausted},
		{unix.ENOSPC, unix.ENOSPC, ErrExhausted},
		{unix.ECONNABORTED, ErrAborted, ErrReset},
		{unix.EPROTO, ErrAborted, ErrReset},
		{unix.EHOSTUNREACH, ErrAborted, ErrReset},
		{unix.EPERM, ErrAborted, unix.EPERM},
		{unix.EPIPE, unix.EPIPE, ErrReset},
		{unix.ETIMEDOUT, ErrAborted, ErrReset},
		{unix.EBADF, ErrClosed, ErrClosed},
		{unix.EINVAL, unix.EINVAL, unix.EINVAL},
	} {
		require.Equal(t, tc.accept, acceptError(tc.errno), tc.errno.Error())
		require.Equal(t, tc.io, ioError(tc.errno), tc.errno.Error())
		require.Zero(t, testing.AllocsPerRun(100, func() { sink = ioError(tc.errno) }), tc.errno.Error())
	}
}

var sink error

// TestNoAllocation: the calls of a request's path.
func TestNoAllocation(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	fd, c := pair(t, "tcp4")
	require.NoError(t, p.Add(fd, 1))
	client, err := ConnFD(c)
	require.NoError(t, err)
	b, events, two := make([]byte, 64), make([]Event, 16), [][]byte{[]byte("ab"), []byte("cd")}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		k.Write(client, b[:10])
		if n, _ := p.Wait(events, true); n != 1 {
			panic("no event")
		}
		k.Read(fd, b)
		if _, err := k.Read(fd, b); err != ErrAgain {
			panic(err)
		}
		if n, _ := p.Wait(events, false); n != 0 {
			panic("an event")
		}
		p.Wake()
		p.Wait(events, true)
		p.Cycle()
		k.Writev(fd, two)
		k.Read(client, b)
	}))
	require.NoError(t, k.Close(fd))
}
