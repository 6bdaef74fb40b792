package load

import (
	"crypto/tls"
	"net"
	"slices"
)

// secured is the TLS of a connection in a loop, after its handshake: crypto/tls between the bytes of the connection and those of
// the client.
type secured struct {
	conn *tls.Conn
	wire *wire
	room []byte // of what send seals, used again and again
}

// take makes a connection one of the loop's: a descriptor, and the TLS above it if there is any. conn itself ends.
func take(conn net.Conn) (fd int, s *secured, err error) {
	under := conn
	if t, ok := conn.(*tls.Conn); ok {
		s = &secured{conn: t, wire: t.NetConn().(*wire)}
		under = s.wire.Conn
	}
	fd, err = ownFD(under)
	under.Close()
	if s != nil {
		s.wire.Conn = nil
	}
	return fd, s, err
}

// seal appends p, encrypted, to buf. That cannot fail but of a session that is over, which reading tells.
func (s *secured) seal(buf, p []byte) []byte {
	s.wire.out = buf
	s.conn.Write(p)
	return s.flushed()
}

// flushed are the bytes that crypto/tls has written since the last call. They are the caller's.
func (s *secured) flushed() []byte {
	out := s.wire.out
	s.wire.out = nil
	return out
}

// outgoing makes of a batch what is to be sent. It stays what it is until the next call.
func (c *loopConn) outgoing(batch []byte) []byte {
	if c.tls == nil {
		return batch
	}
	c.tls.room = c.tls.seal(c.tls.room[:0], batch)
	return c.tls.room
}

// sendMore puts p behind what is still to be sent.
func (c *loopConn) sendMore(p []byte) {
	c.out = slices.Clone(c.out)
	if c.tls != nil {
		c.out = c.tls.seal(c.out, p)
	} else {
		c.out = append(c.out, p...)
	}
}

// arrived has the client receive what was read from its connection.
func (l *loop) arrived(c *loopConn, p []byte, now int64) next {
	if c.tls == nil {
		return c.receive(p, now, l.run.counts())
	}
	want := wantRead
	for c.tls.wire.in = p; ; {
		n, err := c.tls.conn.Read(l.plain)
		switch {
		case n > 0:
			want = c.receive(l.plain[:n], now, l.run.counts())
		case err == readLater{}:
			if answer := c.tls.flushed(); len(answer) > 0 { // to an update of keys
				c.out = slices.Concat(c.out, answer)
			}
			return want
		default:
			want = c.ended(endOf(err), now, l.run.counts())
		}
		if want == wantFresh || want == wantOut {
			return want
		}
	}
}
