package files

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
)

// longAgo is a time at which no file is young.
var longAgo = time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC)

// tree makes a directory of files that were last changed longAgo.
func tree(tb testing.TB, contents map[string]string) string {
	root := filepath.Join(tb.TempDir(), "root")
	require.NoError(tb, os.Mkdir(root, 0o755))
	for name, content := range contents {
		write(tb, filepath.Join(root, name), content, longAgo)
	}
	return root
}

func write(tb testing.TB, path, content string, at time.Time) {
	require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(tb, os.WriteFile(path, []byte(content), 0o644))
	require.NoError(tb, os.Chtimes(path, at, at))
}

func dir(tb testing.TB, root string, o Options) native.Handler {
	h, err := Dir(root, o)
	require.NoError(tb, err)
	return h
}

// serve serves h at /static/ and returns the address.
func serve(tb testing.TB, h native.Handler) string {
	rt := native.NewRouter()
	rt.Handle("GET /static/{path...}", h)
	rt.Handle("/any/{path...}", h)
	rt.Handle("GET /only", h)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	s := &native.Server{Router: rt, Logger: slog.New(slog.DiscardHandler)}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.Shutdown(ctx)
		require.ErrorIs(tb, <-done, native.ErrServerClosed)
	})
	return l.Addr().String()
}

type answer struct {
	status int
	header http.Header
	body   string
}

// client does not follow redirects, decode codings, or clean paths.
var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       10 * time.Second,
}

func fetch(tb testing.TB, method, url string, header ...string) answer {
	req, err := http.NewRequest(method, url, nil)
	require.NoError(tb, err)
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	res, err := client.Do(req)
	require.NoError(tb, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(tb, err)
	return answer{res.StatusCode, res.Header, string(body)}
}

// raw sends a request-target as it is, and returns the answer.
func raw(tb testing.TB, addr, target string) answer {
	c, err := net.Dial("tcp", addr)
	require.NoError(tb, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	require.NoError(tb, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(tb, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(tb, err)
	return answer{res.StatusCode, res.Header, string(body)}
}

// opened notes what is opened, and fails the test for what must not be.
type opened struct {
	fs.FS
	tb testing.TB
}

func (o opened) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		o.tb.Errorf("opened %q", name)
	}
	return o.FS.Open(name)
}

// forward has files that can only be read from the beginning.
type forward struct{ fs.FS }

func (f forward) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	return struct{ fs.File }{file}, err
}
