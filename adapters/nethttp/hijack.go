package nethttp

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
)

// hijackBuffer is the size of the buffers that come with a hijacked connection, net/http's.
const hijackBuffer = 4096

// Hijack implements http.Hijacker. A head that the handler has fixed with WriteHeader is sent first.
//
// On a socket the connection is the real *net.TCPConn or *net.UnixConn. If the client has sent more than its request,
// the reader begins with that, and the connection is wrapped, so that its Read begins with it too. With TLS it is the
// *tls.Conn, for programs look for that, and only the reader has what was sent beyond the request, as in net/http.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.done.Load() {
		panic("net/http: Hijack called after ServeHTTP finished")
	}
	if w.hijacked.Load() {
		return nil, nil, http.ErrHijacked
	}
	w.body.forbidContinue()
	if w.wroteHeader && !w.sentHead {
		w.makeHead(nil)
	}
	w.body.interrupt()
	c, pending, err := w.x.Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked.Store(true)
	w.body.end()
	w.freeDraft()
	w.getRare().conn = c

	if len(pending) == 0 {
		return c, bufio.NewReadWriter(bufio.NewReaderSize(c, hijackBuffer), bufio.NewWriterSize(c, hijackBuffer)), nil
	}
	r := bufio.NewReaderSize(&pendingReader{pending, c}, max(hijackBuffer, len(pending)))
	r.Peek(len(pending)) // cannot fail: all of it is there and fits
	return unreadConn(c, r), bufio.NewReadWriter(r, bufio.NewWriterSize(c, hijackBuffer)), nil
}

// pendingReader reads pending, then from the connection.
type pendingReader struct {
	pending []byte
	conn    net.Conn
}

func (r *pendingReader) Read(p []byte) (int, error) {
	if len(r.pending) > 0 {
		n := copy(p, r.pending)
		r.pending = r.pending[n:]
		return n, nil
	}
	return r.conn.Read(p)
}

// unread is what the client sent beyond its request, as far as nobody has read it from the reader, where it lies.
// A program that reads from the connection takes it out there, so that nobody sees it twice. Once the reader has
// been found empty, by being read or by bufio.Reader.Reset, what it holds later is its own affair.
type unread struct {
	r    *bufio.Reader
	done bool
}

func (u *unread) read(p []byte) (n int, ok bool) {
	if u.done || len(p) == 0 {
		return 0, false
	}
	if u.r.Buffered() == 0 {
		u.done, u.r = true, nil
		return 0, false
	}
	n, _ = u.r.Read(p) // from the buffer alone
	return n, true
}

func (u *unread) writeTo(w io.Writer) (n int64, err error) {
	if u.done || u.r.Buffered() == 0 {
		return 0, nil
	}
	p, _ := u.r.Peek(u.r.Buffered())
	m, err := w.Write(p)
	u.r.Discard(m)
	return int64(m), err
}

func unreadConn(c net.Conn, r *bufio.Reader) net.Conn {
	switch c := c.(type) {
	case *net.TCPConn:
		return &unreadTCPConn{c, unread{r: r}}
	case *net.UnixConn:
		return &unreadUnixConn{c, unread{r: r}}
	case *tls.Conn:
		return c
	}
	return &unreadAnyConn{c, unread{r: r}}
}

type unreadTCPConn struct {
	*net.TCPConn
	unread unread
}

func (c *unreadTCPConn) Read(p []byte) (int, error) {
	if n, ok := c.unread.read(p); ok {
		return n, nil
	}
	return c.TCPConn.Read(p)
}

// WriteTo hides TCPConn's, which reads past Read.
func (c *unreadTCPConn) WriteTo(w io.Writer) (int64, error) {
	n, err := c.unread.writeTo(w)
	if err != nil {
		return n, err
	}
	m, err := c.TCPConn.WriteTo(w)
	return n + m, err
}

type unreadUnixConn struct {
	*net.UnixConn
	unread unread
}

func (c *unreadUnixConn) Read(p []byte) (int, error) {
	if n, ok := c.unread.read(p); ok {
		return n, nil
	}
	return c.UnixConn.Read(p)
}

type unreadAnyConn struct {
	net.Conn
	unread unread
}

func (c *unreadAnyConn) Read(p []byte) (int, error) {
	if n, ok := c.unread.read(p); ok {
		return n, nil
	}
	return c.Conn.Read(p)
}
