package files

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asker asks on one connection, over and over, and allocates nothing itself.
type asker struct {
	tb      testing.TB
	nc      net.Conn
	request []byte
	answer  []byte
}

func newAsker(tb testing.TB, addr, target, fields string) *asker {
	nc, err := net.Dial("tcp", addr)
	require.NoError(tb, err)
	tb.Cleanup(func() { nc.Close() })
	a := &asker{tb: tb, nc: nc, request: []byte("GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n")}
	for range 4 { // at the end the file is kept, if it ever is
		_, err := nc.Write(a.request)
		require.NoError(tb, err)
		var seen strings.Builder
		res, err := http.ReadResponse(bufio.NewReader(io.TeeReader(nc, &seen)), nil)
		require.NoError(tb, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(tb, err)
		a.answer = []byte(seen.String())
	}
	return a
}

func (a *asker) ask() {
	if _, err := a.nc.Write(a.request); err != nil {
		a.tb.Fatal(err)
	}
	if _, err := io.ReadFull(a.nc, a.answer); err != nil {
		a.tb.Fatal(err)
	}
}

// TestAllocations: a small file that is asked for again costs no memory, on the whole way from socket to socket.
func TestAllocations(t *testing.T) {
	addr := serve(t, dir(t, tree(t, site), Options{}))
	for _, c := range []struct{ target, fields, want string }{
		{"/static/a.txt", "", "0123456789"},
		{"/static/sub/", "", "<p>sub"},
		{"/static/page.html", "Accept-Encoding: gzip, br\r\n", "gzipped"},
	} {
		a := newAsker(t, addr, c.target, c.fields)
		n := testing.AllocsPerRun(1000, a.ask)
		require.Contains(t, string(a.answer), c.want)
		// Other goroutines of the process may allocate too: less than one for each request are not the request's.
		require.Less(t, n, 1.0, c.target)
	}
}

// BenchmarkGet has a client in the same process, so its numbers are for comparing with each other.
func BenchmarkGet(b *testing.B) {
	root := tree(b, map[string]string{"small.txt": strings.Repeat("x", 4<<10), "big.bin": strings.Repeat("x", 10<<20)})
	twin := httptest.NewServer(http.StripPrefix("/static/", http.FileServer(http.Dir(root))))
	defer twin.Close()
	for _, server := range []struct{ name, addr string }{
		{"peregrine", serve(b, dir(b, root, Options{}))},
		{"peregrine-disk", serve(b, dir(b, root, Options{MemoryBytesMax: -1}))},
		{"nethttp", twin.Listener.Addr().String()},
	} {
		for _, name := range []string{"small.txt", "big.bin"} {
			b.Run(filepath.Join(server.name, name), func(b *testing.B) {
				a := newAsker(b, server.addr, "/static/"+name, "")
				b.ReportAllocs()
				for b.Loop() {
					a.ask()
				}
			})
		}
	}
}

func BenchmarkFind(b *testing.B) {
	c := newCache(1 << 20)
	c.put(&entry{key: "sub/page.html"})
	key := []byte("sub/page.html")
	b.ReportAllocs()
	for b.Loop() {
		c.find(key)
	}
}
