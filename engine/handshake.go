package engine

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/overtls"
)

// A connection may come with a TLS of its own, from a listener like tls.NewListener's. Its handshake would happen by itself
// with the first read, but then nobody would know why it has failed, or what it has agreed on before the peer speaks.

var _ transport.Starter = (*session)(nil)

// foreignTLS returns the connection, if it is one of those.
func (c *Conn) foreignTLS() (nc *tls.Conn, ok bool) {
	nc, ok = c.NetConn().(*tls.Conn)
	return nc, ok && c.sv.tls == nil
}

// Start implements transport.Starter.
func (s *session) Start() (done bool, err error) {
	c := (*Conn)(s)
	nc, ok := c.foreignTLS()
	if !ok {
		return false, nil
	}
	ctx := context.Background()
	if f := c.sv.s.TLSContext; f != nil {
		ctx = f(c)
	}
	d := c.sv.s.handshakeTimeout()
	if d > 0 {
		nc.SetDeadline(transport.Time(c.since).Add(d))
	}
	if err = overtls.Handshake(ctx, nc); err != nil {
		answer, logged := overtls.Explain(err)
		if answer != "" {
			plain := nc.NetConn()
			io.WriteString(plain, answer)
			plain.Close()
		}
		c.sv.handshakeFailed(c.conn, logged)
		return true, err
	}
	if d > 0 {
		nc.SetDeadline(time.Time{})
	}
	c.setReadDeadline(time.Now(), c.sv.headTimeout)
	return true, nil
}

// begunTLS is called when such a handshake has ended. It reports whether the connection goes on here.
func (c *Conn) begunTLS(t *transport.Turn, nc *tls.Conn) (next transport.Next, here bool) {
	proto, ok := c.sv.nextProto(nc.ConnectionState().NegotiatedProtocol)
	switch {
	case !ok:
		c.phase = phaseEnd
		return transport.Close, false
	case proto != nil:
		return c.handOver(t, func(net.Conn, []byte) { go proto(c, nc) }), false
	}
	return transport.Read, true
}
