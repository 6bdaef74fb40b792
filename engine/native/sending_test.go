package native

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSendFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	require.NoError(t, os.WriteFile(name, content, 0o600))
	dir, err := os.Open(filepath.Dir(name))
	require.NoError(t, err)
	defer dir.Close()
	open := func() *os.File {
		f, err := os.Open(name)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	sends := func(n int64, before ...func(w *Response, f *os.File)) Handler {
		return func(w *Response, _ *Request) error {
			f := open()
			for _, b := range before {
				b(w, f)
			}
			return w.SendFile(f, n)
		}
	}
	copies := func(src func(f *os.File) io.Reader) Handler {
		return func(w *Response, _ *Request) error {
			f := open()
			n, err := io.Copy(w, src(f))
			if n != w.Written() {
				return errors.New("another number")
			}
			return err
		}
	}
	seek := func(_ *Response, f *os.File) { f.Seek(10, io.SeekStart) }
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, by(map[string]Handler{
			"/all":        sends(-1),
			"/some":       sends(100_000, seek),
			"/rest":       sends(-1, seek),
			"/small":      sends(100, seek),
			"/none":       sends(0),
			"/behind":     sends(100_000, func(w *Response, _ *os.File) { w.WriteString("before ") }),
			"/flushed":    sends(100_000, func(w *Response, _ *os.File) { w.WriteString("before "); w.Flush() }),
			"/trunc":      sends(int64(len(content)) + 1),
			"/trunc/rest": sends(100, func(_ *Response, f *os.File) { f.Seek(-10, io.SeekEnd) }),
			"/dir":        func(w *Response, _ *Request) error { return w.SendFile(dir, 100_000) },
			"/204":        sends(-1, func(w *Response, _ *os.File) { w.SetStatus(204) }),
			"/copy":       copies(func(f *os.File) io.Reader { return f }),
			"/limited":    copies(func(f *os.File) io.Reader { return io.LimitReader(f, 50_000) }),
			"/plain":      copies(func(f *os.File) io.Reader { return struct{ io.Reader }{f} }),
		}))
		c := a.dial()
		for _, x := range []struct {
			path   string
			length int64
			body   string
		}{
			{"/all", int64(len(content)), string(content)}, {"/some", 100_000, string(content[10:100_010])},
			{"/rest", int64(len(content)) - 10, string(content[10:])}, {"/small", 100, string(content[10:110])}, {"/none", 0, ""},
			{"/behind", -1, "before " + string(content[:100_000])}, {"/flushed", -1, "before " + string(content[:100_000])},
			{"/copy", int64(len(content)), string(content)}, {"/limited", 50_000, string(content[:50_000])},
			{"/plain", -1, string(content)},
		} {
			got := c.send(request("GET", x.path)).next("GET")
			require.Equal(t, x.length, got.ContentLength, x.path)
			require.True(t, x.body == got.body, x.path)
			head := c.send(request("HEAD", x.path)).next("HEAD")
			require.Equal(t, 200, head.StatusCode)
			if x.length >= 0 {
				require.Equal(t, x.length, head.ContentLength, x.path)
			}
		}
		require.Zero(t, a.log.lines(), a.log.String())
		require.Equal(t, 500, c.send(request("GET", "/204")).next("GET").StatusCode)
		require.Equal(t, 500, c.send(request("GET", "/trunc/rest")).next("GET").StatusCode)
		cut := c.send(request("GET", "/trunc") + request("GET", "/small")).ended()
		require.Contains(t, cut, "Content-Length: 320001")
		require.True(t, strings.HasSuffix(cut, string(content[len(content)-100:])))
		require.Contains(t, a.log.String(), `msg="sending a file failed" error="unexpected EOF" file=`+name)
		c = a.dial().send(request("GET", "/dir"))
		require.Contains(t, c.ended(), "Content-Length: 100000")
		require.Contains(t, a.log.String(), "is a directory")
	})
}

// TestDraining: during Shutdown, what is still answered says that it is the last.
func TestDraining(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		entered, goOn := make(chan bool), make(chan bool)
		rt := NewRouter()
		rt.Handle("/", func(w *Response, _ *Request) error {
			entered <- true
			<-goOn
			return w.Text(200, "last")
		})
		a := serve(t, transport, rt)
		c := a.dial().send(request("GET", "/"))
		await(t, entered, "the handler")
		stopped := make(chan bool)
		go func() { a.stop(); close(stopped) }()
		eventually(t, "the server to drain", func() bool { return a.engine.Draining() })
		goOn <- true
		got := c.next("GET")
		require.Equal(t, "last", got.body)
		require.True(t, got.Close)
		require.Empty(t, c.ended())
		await(t, stopped, "Shutdown")
	})
}

// TestSlowHandler: a handler may take longer than the write timeout, which is the peer's.
func TestSlowHandler(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, route1(func(w *Response, _ *Request) error {
			time.Sleep(60 * time.Millisecond)
			return w.Text(200, "slow")
		}), func(s *Server) { s.WriteTimeout = 50 * time.Millisecond })
		c := a.dial()
		for range 3 {
			require.Equal(t, "slow", c.send(request("GET", "/")).next("GET").body)
		}
	})
}

// TestPeerDoesNotRead: a peer that takes nothing is cut, and the handler told.
func TestPeerDoesNotRead(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		errs := make(chan error, 1)
		a := serve(t, transport, route1(func(w *Response, _ *Request) error {
			p := make([]byte, 1<<20)
			for {
				if _, err := w.Write(p); err != nil {
					errs <- err
					_, again := w.Write(p)
					require.Equal(t, err, again)
					return err
				}
			}
		}), func(s *Server) { s.WriteTimeout = 50 * time.Millisecond })
		a.dial().send(request("GET", "/"))
		require.ErrorIs(t, await(t, errs, "the handler's error"), os.ErrDeadlineExceeded)
		require.Zero(t, a.log.lines(), a.log.String())
	})
}
