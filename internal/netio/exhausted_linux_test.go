package netio

import (
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestExhausted runs itself in a child, which lowers its own limit of descriptors.
func TestExhausted(t *testing.T) {
	const variable = "NETIO_TEST_EXHAUSTED"
	if os.Getenv(variable) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestExhausted$", "-test.v")
		child.Env = append(os.Environ(), variable+"=1")
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestExhausted")
		return
	}

	k, p := systemKernel(t), systemPoller(t)
	l, lfd := listen(t, "tcp4")
	require.NoError(t, p.AddListener(lfd, 1))
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()

	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	limit.Cur = min(limit.Cur, 64)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	var filler []int
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == unix.EMFILE {
			break
		}
		require.NoError(t, err)
		filler = append(filler, fd)
	}
	_, err = k.NewPoller()
	require.Equal(t, ErrExhausted, err)
	_, _, err = k.Accept(lfd)
	require.Equal(t, ErrExhausted, err)

	// One free number: enough for an epoll instance, which must be given back as its bell finds none.
	unix.Close(filler[0])
	_, err = k.NewPoller()
	require.Equal(t, ErrExhausted, err)
	// The connection has waited, and is still reported.
	waitFor(t, p, 1, In)
	fd, _, err := k.Accept(lfd)
	require.NoError(t, err)
	require.NoError(t, k.Close(fd))
}
