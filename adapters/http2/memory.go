package http2

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/peregrine-http/peregrine/engine"
)

// stream is the engine's end of a connection in memory that has one request. The other end is peer's.
type stream struct {
	net.Conn // without waiting room: a write lasts until it has been read
	peer     net.Conn
	outer    net.Conn // the connection whose stream this is

	head  []byte        // of the request, as far as it has not been read; the reader's
	body  *http.Request // whose body follows the head, until it is asked for; nil: none. The reader's
	reset atomic.Bool   // the client is gone
	here  atomic.Pointer[engine.Conn]
	ended atomic.Bool // the engine has ended the connection
}

// newStream makes a connection of r's. head is what it begins with.
func newStream(r *http.Request, outer net.Conn, head []byte) *stream {
	s := &stream{outer: outer, head: head}
	s.Conn, s.peer = net.Pipe()
	if hasBody(r) {
		s.body = r
	}
	return s
}

// conn returns s as the engine sees it, which asks a connection about TLS only if it has an answer.
func (s *stream) conn(state *tls.ConnectionState) net.Conn {
	if state == nil {
		return s
	}
	return &secureStream{s, state}
}

type secureStream struct {
	*stream
	state *tls.ConnectionState
}

// ConnectionState is the outer connection's.
func (s *secureStream) ConnectionState() tls.ConnectionState { return *s.state }

// errReset is what a reset stream's request gets, and what tells the engine that nobody waits for an answer.
var errReset = errors.New("http2: the stream has been reset")

// Read gives the head and then the body, which is not asked for before somebody reads it.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.head) > 0 {
		n := copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	if r := s.body; r != nil && !s.ended.Load() {
		s.body = nil
		go s.sendBody(r)
	}
	n, err := s.Conn.Read(p)
	if err == io.EOF && s.reset.Load() {
		err = errReset
	}
	return n, err
}

// Close ends the connection.
func (s *stream) Close() error {
	s.ended.Store(true)
	return s.Conn.Close()
}

// CloseWrite is Close. The engine ends its side alone when there is more to read, since a peer might otherwise lose what it
// has not read; here it has.
func (s *stream) CloseWrite() error { return s.Close() }

// cancel tells the engine that the client is gone: whoever reads, or writes, and who waits for neither.
func (s *stream) cancel() {
	s.reset.Store(true)
	s.peer.Close()
	if c := s.here.Load(); c != nil {
		c.HangUp()
	}
}

// opened is told what the engine has made of a connection.
func opened(c *engine.Conn) {
	s := c.NetConn().(interface{ inner() *stream }).inner()
	s.here.Store(c)
	if s.reset.Load() {
		c.HangUp()
	}
}

func (s *stream) inner() *stream { return s }

// RemoteAddr and LocalAddr are the outer connection's.
func (s *stream) RemoteAddr() net.Addr { return s.outer.RemoteAddr() }
func (s *stream) LocalAddr() net.Addr  { return s.outer.LocalAddr() }

// queue is the net.Listener of these connections.
type queue struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newQueue() *queue { return &queue{conns: make(chan net.Conn), closed: make(chan struct{})} }

// add reports whether the connection has been accepted.
func (q *queue) add(c net.Conn) bool {
	select {
	case q.conns <- c:
		return true
	case <-q.closed:
		return false
	}
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return memory{} }

type memory struct{}

func (memory) Network() string { return "memory" }
func (memory) String() string  { return "memory" }
