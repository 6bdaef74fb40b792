//go:build linux || darwin

package processes

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/listen"
)

// TestSocketsOf: however many sockets there are for however many workers, no worker goes without, and no socket.
func TestSocketsOf(t *testing.T) {
	for n := 1; n <= 9; n++ {
		for workers := 1; workers <= 9; workers++ {
			g := &group{addr: "a", files: make([]*os.File, n)}
			for i := range g.files {
				g.files[i] = new(os.File)
			}
			of := map[*os.File]bool{}
			for i := range workers {
				files, names := (sockets{g}).of(i, workers)
				require.NotEmpty(t, files, "worker %d of %d, %d sockets", i, workers, n)
				require.Len(t, names, len(files))
				if workers <= n {
					for _, f := range files {
						require.False(t, of[f], "%d workers, %d sockets: one is two workers'", workers, n)
					}
				}
				for _, f := range files {
					of[f] = true
				}
			}
			require.Len(t, of, n, "%d workers", workers)
		}
	}
}

// broken is a listener whose socket cannot be had.
type broken struct {
	net.Listener
	stays bool
}

func (b *broken) SetUnlinkOnClose(unlink bool) { b.stays = !unlink }
func (b *broken) SyscallConn() (syscall.RawConn, error) {
	return nil, errors.New("no more descriptors")
}

// TestKeepFails: what cannot be kept leaves no file behind.
func TestKeepFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := listen.Config{}.Listen("unix:" + path)
	require.NoError(t, err)
	b := &broken{Listener: l}
	g := &group{addr: "unix:" + path}
	require.ErrorContains(t, g.keep(b), "no more descriptors")
	require.False(t, b.stays)
	_, err = os.Lstat(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
