package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// proxied is a connection whose header has been read.
type proxied struct {
	net.Conn
	origin origin
}

// RemoteAddr returns the address of the proxy's client.
func (c *proxied) RemoteAddr() net.Addr { return c.origin.remoteAddr() }

// LocalAddr returns the address that the client has connected to.
func (c *proxied) LocalAddr() net.Addr { return c.origin.localAddr() }

// NetConn returns the connection with the proxy.
func (c *proxied) NetConn() net.Conn { return c.Conn }

// CloseWrite ends our side, where the connection can do that.
func (c *proxied) CloseWrite() error { return closeWrite(c.Conn) }

// ReadFrom is how a file gets to sendfile.
func (c *proxied) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

func closeWrite(c net.Conn) error {
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// accepted is a connection that reads its header when it is first used. Its methods may wait for that.
type accepted struct {
	net.Conn
	l       *Listener
	headBy  time.Time
	judging sync.Once

	// Set by judge.
	origin origin
	err    error

	mu     sync.Mutex // guards the following
	ahead  []byte     // read with the header, and not taken yet
	readBy time.Time  // the user's deadline
	judged bool
}

// Accept waits for a connection, for servers that know no layers. The header is read when the connection is first read
// from, written to, or asked for an address, which therefore may wait until Config.Timeout has passed since Accept; in
// net/http's server the goroutine of the connection does so. Its hooks ConnContext and ConnState (StateNew) run on the one that
// accepts: if they ask for an address, everybody waits. A connection that is refused is closed, and says why in the
// error of Read and Write.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &accepted{Conn: c, l: l, headBy: time.Now().Add(l.config.Timeout)}, nil
}

// judge reads the header. It reports whether the connection may be used.
func (c *accepted) judge() error {
	c.judging.Do(func() {
		c.mu.Lock()
		c.setReadDeadline()
		c.mu.Unlock()
		ahead, why, err := c.head()
		if why != nil {
			peer := c.Conn.RemoteAddr()
			refusal := &net.OpError{Op: "read", Addr: peer, Err: why}
			if peer != nil {
				refusal.Net = peer.Network()
			}
			c.l.refused(peer, why)
			err = refusal
		}
		if c.err = err; err != nil {
			c.Conn.Close()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ahead, c.judged = ahead, true
		c.setReadDeadline()
	})
	return c.err
}

// head does what session.Run does for loops, and returns what came with the header. Either why says what the connection is
// refused for, or err what has ended it: the peer that only looked whether we are there, or whoever has closed it.
func (c *accepted) head() (ahead []byte, why, err error) {
	config := &c.l.config
	trusted := config.Trusted.HasPeer(c.Conn.RemoteAddr())
	if !trusted && !config.Optional {
		return nil, errPeer, nil
	}
	in := make([]byte, 0, readAhead)
	for {
		n, why := measure(in)
		switch {
		case why == errMissing && config.Optional:
			return in, nil, nil
		case why != nil:
			return nil, why, nil
		case n == 0:
		case !trusted:
			return nil, errPeer, nil
		default:
			c.origin, why = parse(in[:n])
			return in[n:], why, nil
		}
		if len(in) == cap(in) {
			in = append(make([]byte, 0, 2*cap(in)), in...)
		}
		k, err := c.Conn.Read(in[len(in):cap(in)])
		in = in[:len(in)+k]
		switch {
		case k > 0 || err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && len(in) == 0 && config.Optional:
			return nil, nil, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, errLate, nil
		case err == io.EOF && len(in) > 0:
			return nil, errCut, nil
		default:
			return nil, nil, err
		}
	}
}

// setReadDeadline brings the earlier of the two deadlines into force. It is called with mu held.
func (c *accepted) setReadDeadline() error {
	by := c.readBy
	if !c.judged && (by.IsZero() || c.headBy.Before(by)) {
		by = c.headBy
	}
	return c.Conn.SetReadDeadline(by)
}

// SetReadDeadline implements net.Conn.
func (c *accepted) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy = at
	return c.setReadDeadline()
}

// SetDeadline implements net.Conn.
func (c *accepted) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.Conn.SetWriteDeadline(at))
}

// Read implements net.Conn.
func (c *accepted) Read(p []byte) (int, error) {
	if err := c.judge(); err != nil {
		return 0, err
	}
	c.mu.Lock()
	if len(c.ahead) > 0 {
		defer c.mu.Unlock()
		n := copy(p, c.ahead)
		if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
			c.ahead = nil
		}
		return n, nil
	}
	c.mu.Unlock()
	return c.Conn.Read(p)
}

// Write implements net.Conn.
func (c *accepted) Write(p []byte) (int, error) {
	if err := c.judge(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// ReadFrom is how a file gets to sendfile.
func (c *accepted) ReadFrom(r io.Reader) (int64, error) {
	if err := c.judge(); err != nil {
		return 0, err
	}
	return io.Copy(c.Conn, r)
}

// RemoteAddr implements net.Conn: the address of the proxy's client.
func (c *accepted) RemoteAddr() net.Addr {
	if c.judge(); c.origin.known() {
		return c.origin.remoteAddr()
	}
	return c.Conn.RemoteAddr()
}

// LocalAddr implements net.Conn: the address that the client has connected to.
func (c *accepted) LocalAddr() net.Addr {
	if c.judge(); c.origin.known() {
		return c.origin.localAddr()
	}
	return c.Conn.LocalAddr()
}

// NetConn returns the connection with the proxy. What has been read from it is missing there.
func (c *accepted) NetConn() net.Conn { return c.Conn }

// CloseWrite ends our side, where the connection can do that.
func (c *accepted) CloseWrite() error { return closeWrite(c.Conn) }
