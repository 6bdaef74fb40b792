package load

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// clientTLS is how https and wss are spoken. A benchmark asks whom it was told to ask, so any certificate will do. All servers
// agree on the same keys in the same way: what some have besides, as X25519MLKEM768, would be measured as slowness. Below TLS
// 1.3, P-256 must be offered for a certificate on that curve (RFC 8422, section 5.1.1).
func clientTLS(host string) *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
	if net.ParseIP(host) == nil {
		c.ServerName = host
	}
	return c
}

// dial opens a connection to the server of r, over TLS with its handshake.
func (r *Request) dial(ctx context.Context, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", r.Addr)
	if err != nil || r.TLS == nil {
		return conn, err
	}
	c := tls.Client(&wire{Conn: conn}, r.TLS)
	if err := c.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// dropAtClose has c end by a reset: of thousands of connections the ports would wait in TIME_WAIT for a minute.
func dropAtClose(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn().(*wire).Conn
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// wire is what crypto/tls reads from and writes to: the connection, and from when a loop has taken that over, what the loop has
// read and is to write. Where nothing has been read, crypto/tls is told to come again, and keeps what it has of a record.
type wire struct {
	net.Conn // nil in a loop
	in, out  []byte
}

func (w *wire) Read(p []byte) (int, error) {
	if w.Conn != nil {
		return w.Conn.Read(p)
	}
	if len(w.in) == 0 {
		return 0, readLater{}
	}
	n := copy(p, w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	if w.Conn != nil {
		return w.Conn.Write(p)
	}
	w.out = append(w.out, p...)
	return len(p), nil
}

// readLater is an error that does not end a tls.Conn, since it is a net.Error and temporary.
type readLater struct{}

func (readLater) Error() string   { return "nothing to read yet" }
func (readLater) Timeout() bool   { return false }
func (readLater) Temporary() bool { return true }
