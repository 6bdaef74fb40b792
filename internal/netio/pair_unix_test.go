//go:build linux || darwin

package netio

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestPair(t *testing.T) {
	a, b, err := Pair()
	require.NoError(t, err)
	for _, fd := range []int{a, b} {
		require.False(t, blocking(t, fd))
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		require.NoError(t, err)
		require.NotZero(t, flags&unix.FD_CLOEXEC)
	}
	from, to := os.NewFile(uintptr(a), "a"), os.NewFile(uintptr(b), "b")
	defer from.Close()
	defer to.Close()
	_, err = from.WriteString("word")
	require.NoError(t, err)
	got := make([]byte, 4)
	_, err = io.ReadFull(to, got)
	require.NoError(t, err)
	require.Equal(t, "word", string(got))
}
