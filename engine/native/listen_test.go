package native

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListenAndServeOnSeveral(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	s := &Server{Router: origins(), Addr: "unix:" + a, Addrs: []string{"unix:" + b, "127.0.0.1:0"}}
	s.Listen.Mode = 0o660
	started := make(chan struct{})
	s.OnStart(func(context.Context) error { close(started); return nil })
	served := make(chan error, 1)
	go func() { served <- s.ListenAndServe() }()
	await(t, started, "the server")
	for _, path := range []string{a, b} {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o660), info.Mode().Perm())
		c, err := net.Dial("unix", path)
		require.NoError(t, err)
		_, err = io.WriteString(c, "GET / HTTP/1.0\r\nHost: h\r\n\r\n")
		require.NoError(t, err)
		answer, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Contains(t, string(answer), nobody+" http h")
		c.Close()
	}
	require.NoError(t, s.Shutdown(context.Background()))
	require.ErrorIs(t, await(t, served, "ListenAndServe to return"), ErrServerClosed)
	for _, path := range []string{a, b} {
		_, err := os.Lstat(path)
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}

// One address that cannot be had is enough, and none of the others stays.
func TestListenAndServeOnAllOrNone(t *testing.T) {
	a := filepath.Join(t.TempDir(), "a")
	s := &Server{Router: NewRouter(), Addr: "unix:" + a, Addrs: []string{"192.0.2.1:0"}}
	require.ErrorContains(t, s.ListenAndServe(), "192.0.2.1:0")
	_, err := os.Lstat(a)
	require.ErrorIs(t, err, os.ErrNotExist)
	s = &Server{Router: NewRouter(), Addrs: []string{"@a"}}
	require.ErrorContains(t, s.ListenAndServe(), `write "unix:@a"`)
	require.ErrorContains(t, s.ListenAndServeTLS("none.pem", "none.key"), "none.pem")
}

// Peers of a Unix socket are believed only if that is said.
func TestClientOnUnixSocket(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "s")
		s := &Server{Router: origins(), Addr: "unix:" + path}
		s.Proxies.Trusted.Unix = trusted
		s.Proxies.Trusted.Prefixes = behind(XForwarded).Trusted.Prefixes
		started := make(chan struct{})
		s.OnStart(func(context.Context) error { close(started); return nil })
		served := make(chan error, 1)
		go func() { served <- s.ListenAndServe() }()
		await(t, started, "the server")
		c, err := net.Dial("unix", path)
		require.NoError(t, err)
		io.WriteString(c, "GET / HTTP/1.0\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\n\r\n")
		answer, err := io.ReadAll(c)
		require.NoError(t, err)
		want := nobody
		if trusted {
			want = "192.0.2.1:0"
		}
		require.Contains(t, string(answer), want+" http h")
		s.Close()
		require.ErrorIs(t, await(t, served, "ListenAndServe to return"), ErrServerClosed)
		c.Close()
	}
}
