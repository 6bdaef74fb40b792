package files

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSpecial: opening a FIFO would wait for who writes it, a socket cannot be opened, and neither is a file.
func TestSpecial(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "a", "index/x": ""})
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o644))
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "a.txt.gz"), 0o644))
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "index/index.html"), 0o644))
	require.NoError(t, os.Symlink("fifo", filepath.Join(root, "link")))
	l, err := net.Listen("unix", filepath.Join(root, "socket"))
	require.NoError(t, err)
	defer l.Close()
	addr := serve(t, dir(t, root, Options{List: true}))
	for target, status := range map[string]int{"fifo": 404, "fifo/": 404, "link": 404, "socket": 404, "a.txt": 200, "index/": 200, "fifo/x": 404, "a.txt.gz": 404} {
		require.Equal(t, status, fetch(t, "GET", "http://"+addr+"/static/"+target, "Accept-Encoding: gzip").status, target)
	}
	got := fetch(t, "GET", "http://"+addr+"/static/").body
	require.NotContains(t, got, "fifo")
	require.NotContains(t, got, "socket")

	dev, err := Dir("/dev", Options{})
	require.NoError(t, err)
	addr = serve(t, dev)
	require.Equal(t, 404, fetch(t, "GET", "http://"+addr+"/static/zero").status)
	require.Equal(t, 404, fetch(t, "GET", "http://"+addr+"/static/tty").status)
}

// TestForbidden: what may not be read is 403, in all its forms.
func TestForbidden(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	root := tree(t, map[string]string{"a.txt": "a", "locked/b.txt": "b", "unlisted/c.txt": "c"})
	require.NoError(t, os.Chmod(filepath.Join(root, "a.txt"), 0))
	require.NoError(t, os.Chmod(filepath.Join(root, "locked"), 0))
	require.NoError(t, os.Chmod(filepath.Join(root, "unlisted"), 0o300))
	t.Cleanup(func() {
		os.Chmod(filepath.Join(root, "locked"), 0o700)
		os.Chmod(filepath.Join(root, "unlisted"), 0o700)
	})
	addr := serve(t, dir(t, root, Options{List: true}))
	for _, target := range []string{"a.txt", "locked/b.txt", "locked/", "unlisted/"} {
		got := fetch(t, "GET", "http://"+addr+"/static/"+target)
		require.Equal(t, 403, got.status, target)
		require.Equal(t, "Forbidden\n", got.body)
	}
	require.Equal(t, "c", fetch(t, "GET", "http://"+addr+"/static/unlisted/c.txt").body)
}
