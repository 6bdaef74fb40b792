package overtls_test

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCutAnywhere: what a client sends, handshake and records, arrives in two pieces, cut at every byte; and byte by byte.
func TestCutAnywhere(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			l := &cutting{conns: make(chan net.Conn), done: make(chan struct{})}
			s := serveListener(t, l, "portable", echo)
			with := func(c *tls.Config) {
				c.MinVersion, c.MaxVersion = v, v
				c.CurvePreferences = []tls.CurveID{tls.X25519} // a short hello: there are not so many places
			}
			exchange := func(cut func(at int) int) (sent int) {
				near, far := net.Pipe()
				c := &cutConn{Conn: far, cut: cut}
				l.conns <- c
				client := s.over(near, with)
				require.Equal(t, "/some", must(t)(client.get("/some")))
				require.Equal(t, "/more", must(t)(client.get("/more")))
				go io.Copy(io.Discard, client) // so that the server's farewell does not wait
				client.Close()
				c.mu.Lock()
				defer c.mu.Unlock()
				return c.at
			}
			whole := exchange(func(int) int { return 1 << 20 })
			exchange(func(int) int { return 1 })
			step := 1
			if testing.Short() {
				step = 7
			}
			for at := 1; at < whole; at += step {
				exchange(func(have int) int {
					if have < at {
						return at - have
					}
					return 1 << 20
				})
			}
		})
	}
}

// cutting is a listener whose connections come from a channel.
type cutting struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *cutting) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *cutting) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *cutting) Addr() net.Addr { return &net.TCPAddr{} }

// cutConn reads no more at once than cut says, which is told how much has been read.
type cutConn struct {
	net.Conn
	cut func(at int) int
	mu  sync.Mutex
	at  int
}

func (c *cutConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	most := c.cut(c.at)
	c.mu.Unlock()
	n, err := c.Conn.Read(p[:min(len(p), most)])
	c.mu.Lock()
	c.at += n
	c.mu.Unlock()
	return n, err
}

// TestFragmentedHello: a ClientHello that is spread over many records (RFC 8446, section 5.1), whose version is nobody's
// business yet.
func TestFragmentedHello(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		s := serve(t, transport, echo)
		for _, size := range []int{1, 3, 100} {
			for _, major := range []byte{3, 2, 15} {
				c := s.over(&fragmenting{Conn: s.raw(t), size: size, major: major}, version)
				require.Equal(t, "/x", must(t)(c.get("/x")))
			}
		}
	})
}

// fragmenting cuts the first record that is written into records of at most size bytes, of the version major.
type fragmenting struct {
	net.Conn
	size  int
	major byte
	done  bool
}

func (c *fragmenting) Write(p []byte) (int, error) {
	if c.done {
		return c.Conn.Write(p)
	}
	c.done = true
	for body := p[5:]; len(body) > 0; {
		n := min(len(body), c.size)
		record := append([]byte{p[0], c.major, p[2], 0, byte(n)}, body[:n]...)
		if _, err := c.Conn.Write(record); err != nil {
			return 0, err
		}
		body = body[n:]
	}
	return len(p), nil
}
