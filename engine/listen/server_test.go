package listen_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/native"
)

// server is what the test below does the same with.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// servers answer with the peer's address.
func servers() map[string]server {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello "+r.RemoteAddr) })
	rt := native.NewRouter()
	rt.Handle("GET /", func(w *native.Response, r *native.Request) error {
		return w.Text(200, "hello "+r.RemoteAddr().String())
	})
	return map[string]server{
		"net/http":          &http.Server{Handler: h},
		"nethttp":           &nethttp.Server{Handler: h},
		"nethttp, portable": &nethttp.Server{Handler: h, Transport: "portable"},
		"native":            &native.Server{Router: rt},
		"native, portable":  &native.Server{Router: rt, Transport: "portable"},
	}
}

// curl returns what curl prints, for want of which the caller does without.
func curl(t *testing.T, args ...string) (string, bool) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("NO CURL: what it makes of this server remains untested")
		return "", false
	}
	var errs bytes.Buffer
	c := exec.Command("curl", append([]string{"-sS", "--max-time", "20"}, args...)...)
	c.Stderr = &errs
	out, err := c.Output()
	require.NoError(t, err, errs.String())
	return string(out), true
}

// Every kind of address at once, on every server, asked by package net/http and by curl; when the server stops, nothing of it
// is left.
func TestServers(t *testing.T) {
	for name, s := range servers() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			addrs := []string{"127.0.0.1:0", "unix:" + path}
			abstract := "peregrine-test-" + strconv.Itoa(os.Getpid())
			if runtime.GOOS == "linux" {
				addrs = append(addrs, "unix:@"+abstract)
			}
			if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
				l.Close()
				addrs = append(addrs, "[::1]:0")
			}
			ls, err := listen.Config{KeepAliveIdle: time.Minute, Backlog: 64}.All(addrs...)
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- listen.Serve(ls, s.Serve) }()
			for _, l := range ls {
				a := l.Addr()
				client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
					return net.Dial(a.Network(), a.String())
				}}}
				res, err := client.Get("http://h/")
				require.NoError(t, err, a)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.Contains(t, string(body), "hello ")
				client.CloseIdleConnections()
				args := []string{"http://" + a.String() + "/"}
				switch {
				case a.String() == path:
					args = []string{"--unix-socket", path, "http://h/"}
				case a.String() == "@"+abstract:
					args = []string{"--abstract-unix-socket", abstract, "http://h/"}
				}
				if out, ok := curl(t, args...); ok {
					want := "hello 127.0.0.1:"
					switch a := a.(type) {
					case *net.UnixAddr:
						want = "hello @"
					case *net.TCPAddr:
						if a.IP.To4() == nil {
							want = "hello [::1]:"
						}
					}
					require.Contains(t, out, want)
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			require.NoError(t, s.Shutdown(ctx))
			require.ErrorContains(t, <-served, "Server closed")
			_, err = os.Lstat(path)
			require.ErrorIs(t, err, os.ErrNotExist)
		})
	}
}
