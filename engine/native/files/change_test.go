package files

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChanges(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "first", "big.bin": strings.Repeat("1", 200000)})
	addr := serve(t, dir(t, root, Options{Revalidate: -1}))
	get := func(name string, header ...string) answer {
		return fetch(t, "GET", "http://"+addr+"/static/"+name, header...)
	}
	path := filepath.Join(root, "a.txt")
	var tag string
	for range 3 {
		require.Equal(t, "first", get("a.txt").body)
		tag = get("a.txt").header.Get("ETag")
		require.Len(t, get("big.bin").body, 200000)
	}
	write(t, path, "other", longAgo.Add(time.Second)) // of the same size
	require.Equal(t, "other", get("a.txt").body)
	require.NotEqual(t, tag, get("a.txt").header.Get("ETag"))
	write(t, path, "second", longAgo.Add(time.Second)) // of the same time
	require.Equal(t, "second", get("a.txt").body)

	write(t, path, strings.Repeat("plain", 100), longAgo)
	write(t, path+".gz", "coded", longAgo)
	for range 3 {
		require.Equal(t, "coded", get("a.txt", "Accept-Encoding: gzip").body)
		require.Len(t, get("a.txt").body, 500)
	}
	tag = get("a.txt").header.Get("ETag")
	write(t, path+".gz", "again", longAgo.Add(time.Second))
	require.Equal(t, "again", get("a.txt", "Accept-Encoding: gzip").body)
	require.NotEqual(t, tag, get("a.txt").header.Get("ETag"))
	require.NoError(t, os.Remove(path+".gz"))
	require.Len(t, get("a.txt", "Accept-Encoding: gzip").body, 500)
	require.Empty(t, get("a.txt").header.Get("Vary"))

	write(t, filepath.Join(root, "big.bin"), strings.Repeat("2", 150000), longAgo)
	require.Equal(t, strings.Repeat("2", 150000), get("big.bin").body)
	write(t, filepath.Join(root, "big.bin"), "small", longAgo)
	require.Equal(t, "small", get("big.bin").body)
	write(t, path, strings.Repeat("3", 150000), longAgo)
	require.Len(t, get("a.txt").body, 150000)

	require.NoError(t, os.Remove(path))
	require.Equal(t, 404, get("a.txt").status)
	require.NoError(t, os.Mkdir(path, 0o755))
	write(t, path+"/index.html", "index", longAgo)
	require.Equal(t, 301, get("a.txt").status)
	require.Equal(t, "index", get("a.txt/").body)
}

// TestYoung: a file's time cannot tell that it has changed twice in a moment, so until it can the tag is weak and the file is
// read again.
func TestYoung(t *testing.T) {
	root := tree(t, map[string]string{})
	path := filepath.Join(root, "a.txt")
	addr := serve(t, dir(t, root, Options{Revalidate: -1}))
	now := time.Now()
	for _, content := range []string{"one", "two", "six"} {
		write(t, path, content, now)
		for range 2 {
			got := fetch(t, "GET", "http://"+addr+"/static/a.txt")
			require.Equal(t, content, got.body)
			require.True(t, strings.HasPrefix(got.header.Get("ETag"), `W/"`))
			require.Equal(t, 304, fetch(t, "GET", "http://"+addr+"/static/a.txt", "If-None-Match: "+got.header.Get("ETag")).status)
			require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/static/a.txt", "Range: bytes=0-0", "If-Range: "+got.header.Get("ETag")).status)
			require.Equal(t, 200, fetch(t, "GET", "http://"+addr+"/static/a.txt", "Range: bytes=0-0", "If-Range: "+got.header.Get("Last-Modified")).status)
		}
	}
}

// TestInterval: within the interval a kept file is served as it was, even if it has gone.
func TestInterval(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "a"})
	addr := serve(t, dir(t, root, Options{Revalidate: time.Hour}))
	for range 2 {
		require.Equal(t, "a", fetch(t, "GET", "http://"+addr+"/static/a.txt").body)
	}
	require.NoError(t, os.Remove(filepath.Join(root, "a.txt")))
	require.Equal(t, "a", fetch(t, "GET", "http://"+addr+"/static/a.txt").body)
}

// TestTruncated: a file that ends before its length was sent cuts the connection, and the client sees that. One that grows
// is sent as long as it was.
func TestTruncated(t *testing.T) {
	const size = 64 << 20
	root := tree(t, map[string]string{"shrinks": "", "grows": ""})
	for _, name := range []string{"shrinks", "grows"} {
		require.NoError(t, os.Truncate(filepath.Join(root, name), size))
	}
	addr := serve(t, dir(t, root, Options{}))
	for _, c := range []struct {
		name string
		to   int64
	}{{"shrinks", 1000}, {"grows", 2 * size}} {
		nc, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer nc.Close()
		fmt.Fprintf(nc, "GET /static/%s HTTP/1.1\r\nHost: h\r\n\r\n", c.name)
		r := bufio.NewReader(nc)
		res, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		require.EqualValues(t, size, res.ContentLength)
		require.NoError(t, os.Truncate(filepath.Join(root, c.name), c.to))
		nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := io.Copy(io.Discard, res.Body)
		if c.name == "grows" {
			require.NoError(t, err)
			require.EqualValues(t, size, n)
			fmt.Fprintf(nc, "GET /static/none HTTP/1.1\r\nHost: h\r\n\r\n")
			res, err = http.ReadResponse(r, nil)
			require.NoError(t, err)
			require.Equal(t, 404, res.StatusCode)
			continue
		}
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Less(t, n, int64(size))
	}
}

// faulty is a file system whose files vanish, change or fail between two calls.
type faulty struct {
	fstest.MapFS
	open func(name string) (fs.File, error)
}

func (f faulty) Open(name string) (fs.File, error) { return f.open(name) }

func TestFaults(t *testing.T) {
	fsys := fstest.MapFS{"a.txt": {Data: []byte("0123456789"), ModTime: longAgo}}
	var opens atomic.Int64
	for _, c := range []struct {
		name   string
		status int
		open   func(name string) (fs.File, error)
	}{
		{"vanishes", 404, func(name string) (fs.File, error) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}},
		{"forbidden", 403, func(name string) (fs.File, error) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
		}},
		{"fails", 500, func(name string) (fs.File, error) {
			return nil, &fs.PathError{Op: "open", Path: "/secret/" + name, Err: errors.New("disk on fire")}
		}},
		{"always changes", 503, func(name string) (fs.File, error) {
			at := longAgo.Add(time.Duration(opens.Add(1)) * time.Second)
			return fstest.MapFS{"a.txt": {Data: []byte("x"), ModTime: at}}.Open(name)
		}},
		{"becomes a directory", 503, func(name string) (fs.File, error) { return fsys.Open(".") }},
	} {
		addr := serve(t, FS(faulty{fsys, c.open}, Options{List: true}))
		if c.status < 503 {
			require.Equal(t, c.status, fetch(t, "GET", "http://"+addr+"/static/").status, "a listing that "+c.name)
		}
		for range 2 {
			got := fetch(t, "GET", "http://"+addr+"/static/a.txt")
			require.Equal(t, c.status, got.status, c.name)
			require.NotContains(t, got.body, "a.txt", c.name)
			require.NotContains(t, got.body, "secret", c.name)
			require.Empty(t, got.header.Get("ETag"), c.name)
		}
	}
}

// TestConcurrent: files that are replaced while many ask for them are always whole, and of one version.
func TestConcurrent(t *testing.T) {
	root := tree(t, map[string]string{})
	version := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1000+i) }
	for n := range 8 {
		write(t, filepath.Join(root, fmt.Sprint(n)), version(0), longAgo)
	}
	h := dir(t, root, Options{Revalidate: time.Millisecond, MemoryBytesMax: 40 << 10})
	addr := serve(t, h)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				got := fetch(t, "GET", fmt.Sprintf("http://%s/static/%d", addr, (g+i)%8))
				if got.status != 200 || len(got.body) < 1000 || got.body != version(len(got.body)-1000) {
					t.Errorf("%d: %.20q, %d bytes", got.status, got.body, len(got.body))
					return
				}
			}
		})
	}
	for i := 1; i < 300; i++ {
		name := filepath.Join(root, fmt.Sprint(i%8))
		write(t, name+".new", version(i), longAgo.Add(time.Duration(i)*time.Second))
		require.NoError(t, os.Rename(name+".new", name))
	}
	close(stop)
	all.Wait()
}
