package perf

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// connected is the descriptor of a connection that has had one answer. It is no net.Conn: what the client's end costs would be
// counted as the server's.
func connected(t *testing.T, addr string, ws bool, in, end string) int {
	to := netip.MustParseAddrPort(addr)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience.Seconds())}))
	require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}))
	if ws {
		exchange(t, fd, upgradeRequest, "\r\n\r\n")
	}
	exchange(t, fd, in, end)
	return fd
}

func exchange(t *testing.T, fd int, in, end string) {
	_, err := unix.Write(fd, []byte(in))
	require.NoError(t, err)
	b := make([]byte, 4096)
	for n := 0; !bytes.HasSuffix(b[:n], []byte(end)); {
		k, err := unix.Read(fd, b[n:])
		if err == unix.EINTR { // a read with a timeout is not begun anew behind a signal, of which the runtime sends some
			continue
		}
		require.NoError(t, err)
		require.Positive(t, k)
		n += k
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
