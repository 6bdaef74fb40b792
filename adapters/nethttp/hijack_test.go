package nethttp_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/engine"
)

const upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n"

// hijacked runs take with the hijacked connection of a request that early follows at once, and late after a while.
func hijacked(t *testing.T, early, late string, take func(c net.Conn, rw *bufio.ReadWriter)) {
	t.Helper()
	done := make(chan struct{})
	addr := running(t, &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		c, rw, err := w.(http.Hijacker).Hijack()
		require.NoError(t, err)
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, "ready")
		take(c, rw)
		_, _, err = w.(http.Hijacker).Hijack()
		require.ErrorIs(t, err, http.ErrHijacked)
	})})
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, upgrade+early)
	_, err = io.ReadFull(c, make([]byte, len("ready")))
	require.NoError(t, err)
	io.WriteString(c, late)
	c.(*net.TCPConn).CloseWrite()
	<-done
}

func TestHijackPlain(t *testing.T) {
	hijacked(t, "", "late", func(c net.Conn, rw *bufio.ReadWriter) {
		require.IsType(t, new(net.TCPConn), c)
		require.Zero(t, rw.Reader.Buffered())
		b, err := io.ReadAll(rw)
		require.NoError(t, err)
		require.Equal(t, "late", string(b))
	})
}

// Bytes behind the request are seen once, whichever way the program reads.
func TestHijackEarlyBytes(t *testing.T) {
	for name, read := range map[string]func(t *testing.T, c net.Conn, rw *bufio.ReadWriter) string{
		"from the reader": func(t *testing.T, c net.Conn, rw *bufio.ReadWriter) string {
			b, err := io.ReadAll(rw)
			require.NoError(t, err)
			return string(b)
		},
		"from the connection": func(t *testing.T, c net.Conn, rw *bufio.ReadWriter) string {
			b, err := io.ReadAll(struct{ io.Reader }{c})
			require.NoError(t, err)
			return string(b)
		},
		"by WriteTo": func(t *testing.T, c net.Conn, rw *bufio.ReadWriter) string {
			var b bytes.Buffer
			_, err := io.Copy(&b, c)
			require.NoError(t, err)
			return b.String()
		},
		"some from the reader, the rest from the connection": func(t *testing.T, c net.Conn, rw *bufio.ReadWriter) string {
			some := make([]byte, 2)
			_, err := io.ReadFull(rw, some)
			require.NoError(t, err)
			b, err := io.ReadAll(struct{ io.Reader }{c})
			require.NoError(t, err)
			return string(some) + string(b)
		},
		"some from the connection, the rest from the reader": func(t *testing.T, c net.Conn, rw *bufio.ReadWriter) string {
			some := make([]byte, 2)
			_, err := io.ReadFull(c, some)
			require.NoError(t, err)
			b, err := io.ReadAll(rw)
			require.NoError(t, err)
			return string(some) + string(b)
		},
		"peeked, and the reader reset": func(t *testing.T, c net.Conn, rw *bufio.ReadWriter) string {
			p, err := rw.Reader.Peek(rw.Reader.Buffered())
			require.NoError(t, err)
			early := string(p)
			rw.Reader.Reset(c)
			b, err := io.ReadAll(rw)
			require.NoError(t, err)
			return early + string(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			hijacked(t, "early ", "late", func(c net.Conn, rw *bufio.ReadWriter) {
				require.Equal(t, len("early "), rw.Reader.Buffered())
				require.Equal(t, "early late", read(t, c, rw))
			})
		})
	}
}

func TestHijackManyEarlyBytes(t *testing.T) {
	early := string(bytes.Repeat([]byte("0123456789"), 2000))
	hijacked(t, early, "late", func(c net.Conn, rw *bufio.ReadWriter) {
		b, err := io.ReadAll(rw)
		require.NoError(t, err)
		require.Equal(t, early+"late", string(b))
	})
}

func TestHijackUnix(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	s := &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		require.NoError(t, err)
		defer c.Close()
		if r.ContentLength != 0 {
			require.IsType(t, new(net.UnixConn), c)
		}
		io.WriteString(c, "raw:")
		io.Copy(c, rw)
	})}
	go s.Serve(l)
	defer s.Close()
	for _, early := range []string{"", "early "} {
		c, err := net.Dial("unix", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, upgrade+early)
		_, err = io.ReadFull(c, make([]byte, 4))
		require.NoError(t, err)
		io.WriteString(c, "late")
		c.(*net.UnixConn).CloseWrite()
		b, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, early+"late", string(b))
	}
}

// The context lives on until the handler returns.
func TestHijackContext(t *testing.T) {
	returned := make(chan struct{})
	var r *http.Request
	addr := running(t, &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer close(returned)
		r = req
		c, _, err := w.(http.Hijacker).Hijack()
		require.NoError(t, err)
		require.NoError(t, r.Context().Err())
		c.Close()
		require.NoError(t, r.Context().Err())
	})})
	talk(t, addr, step{send: upgrade})
	<-returned
	<-r.Context().Done()
}

// After Upgrade there is no connection whose deadlines a handler, or what is around it, could set.
func TestDeadlinesAfterUpgrade(t *testing.T) {
	errs := make(chan error, 2)
	addr := running(t, &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(errs)
		up := w.(interface {
			Upgrade(func(x *engine.Exchange, fields []byte) error) error
		})
		require.NoError(t, up.Upgrade(func(x *engine.Exchange, _ []byte) error {
			x.SetClose(false)
			return nil
		}))
		rc := http.NewResponseController(w)
		errs <- rc.SetReadDeadline(time.Time{})
		errs <- rc.SetWriteDeadline(time.Time{})
	})})
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	io.WriteString(c, upgrade)
	for range 2 {
		require.ErrorIs(t, <-errs, http.ErrHijacked)
	}
}
