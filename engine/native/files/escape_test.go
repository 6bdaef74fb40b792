package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEscape: beside the root lies a file that no name reaches, whether the root is a directory or an fs.FS that would
// open anything.
func TestEscape(t *testing.T) {
	root := tree(t, map[string]string{"in.txt": "in", "sub/in.txt": "in"})
	write(t, filepath.Join(filepath.Dir(root), "out.txt"), "outside", longAgo)
	addrs := []string{serve(t, dir(t, root, Options{})), serve(t, FS(opened{os.DirFS(root), t}, Options{}))}
	for _, target := range []string{
		"/static/../out.txt", "/static/%2e%2e/out.txt", "/static/..%2fout.txt", "/static/%2e%2e%2fout.txt", "/static/.%2e/out.txt",
		"/static/sub/../../out.txt", "/static/sub/%2e%2e/%2e%2e/out.txt", "/static/sub%2f..%2f..%2fout.txt",
		`/static/..\out.txt`, "/static/..%5cout.txt", "/static/sub%5c..%5c..%5cout.txt", "/static/%2e%2e%5cout.txt",
		"/static/%252e%252e/out.txt", "/static//out.txt", "/static/%2fetc/passwd", "/static/" + filepath.Dir(root) + "/out.txt",
		"/static/%2f" + strings.ReplaceAll(filepath.Dir(root), "/", "%2f") + "%2fout.txt",
		"/static/..%00/out.txt", "/static/in.txt%00", "/static/in.txt%00.html", "/static/%00", "/static/%c0%ae%c0%ae/out.txt",
		"/static/%ff", "/static/..;/out.txt", "/static/.../out.txt", "/static/....//out.txt", "/static/C:/out.txt", "/static/c:%5cout.txt",
		"/static/%5c%5chost%5cshare%5cx", "/static/con", "/static/%2e", "/static/%2e/in.txt", "/static/sub/%2e%2e",
		"/static/" + strings.Repeat("x", 256), "/static/" + strings.Repeat("x/", 3000), "/static/" + strings.Repeat("%2e%2e/", 500) + "out.txt",
	} {
		for _, addr := range addrs {
			got := raw(t, addr, target)
			require.NotContains(t, got.body, "outside", target)
			require.Contains(t, []int{307, 400, 404}, got.status, target)
			require.NotContains(t, got.body, root, target)
		}
	}
}

func TestLinks(t *testing.T) {
	root := tree(t, map[string]string{"in.txt": "in", "sub/in.txt": "in"})
	out := filepath.Join(filepath.Dir(root), "out.txt")
	write(t, out, "outside", longAgo)
	for link, target := range map[string]string{
		"inside": "sub/in.txt", "up": "sub/../in.txt", "dir": "sub", "sub/parent": "../in.txt",
		"outside": "../out.txt", "absolute": out, "outdir": "..", "circle": "circle", "dangling": "none", "sub/far": "../../out.txt",
		"in.txt.gz": "../out.txt",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Skip(err)
		}
	}
	addr := serve(t, dir(t, root, Options{}))
	for target, status := range map[string]int{
		"inside": 200, "up": 200, "dir/in.txt": 200, "sub/parent": 200,
		"outside": 404, "absolute": 404, "outdir/out.txt": 404, "outdir/root/in.txt": 404, "circle": 404, "circle/x": 404, "dangling": 404,
		"sub/far": 404, "dir/far": 404, "in.txt.gz": 404,
	} {
		for range 3 {
			got := fetch(t, "GET", "http://"+addr+"/static/"+target, "Accept-Encoding: gzip")
			require.Equal(t, status, got.status, target)
			require.NotContains(t, got.body, "outside", target)
			if status == 200 {
				require.Equal(t, "in", got.body, target)
			}
		}
	}

	// A file that is known, and becomes a link that leads out.
	addr = serve(t, dir(t, root, Options{Revalidate: -1}))
	for range 3 {
		require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/static/in.txt").status)
	}
	require.NoError(t, os.Remove(filepath.Join(root, "in.txt")))
	require.NoError(t, os.Symlink("../out.txt", filepath.Join(root, "in.txt")))
	require.Equal(t, 404, fetch(t, "GET", "http://"+addr+"/static/in.txt").status)
}

// TestMovedRoot: the directory is what was opened, whatever its name becomes.
func TestMovedRoot(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "a"})
	addr := serve(t, dir(t, root, Options{}))
	require.NoError(t, os.Rename(root, root+"2"))
	require.Equal(t, "a", fetch(t, "GET", "http://"+addr+"/static/a.txt").body)
}
