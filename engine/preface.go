package engine

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// preface is how a client begins that knows beforehand that the server speaks HTTP/2 (RFC 9113, section 3.4). No HTTP/1
// request begins like it: PRI is a method that nobody may use.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// opening is for a connection that has not begun a request and may be for somebody else. It reports whether it goes on here;
// if not, it returns what the connection wants.
//
// The hard case is a preface that comes in pieces: as long as all of it could be one the connection waits, with the
// deadline of the first head, as one that has sent nothing.
func (c *Conn) opening(t *transport.Turn) (next transport.Next, here bool) {
	s := c.sv.s
	if nc, ok := c.foreignTLS(); ok {
		if next, here = c.begunTLS(t, nc); !here {
			return next, false
		}
	} else if s.Preface != nil && !c.secure() {
		n := min(len(t.In), len(preface))
		switch {
		case string(t.In[:n]) != preface[:n]:
		case n == len(preface):
			return c.handOver(t, func(nc net.Conn, pending []byte) { s.Preface(c, &begunConn{nc, pending}) }), false
		case !t.EOF:
			return transport.Read, false
		}
	}
	if s.PrefaceOnly {
		c.phase = phaseEnd
		return transport.Close, false
	}
	if len(t.In) > 0 && c.secure() {
		c.since = transport.Nanos(t.Now) // the handshake has taken its time; that of the first request begins here
	}
	return transport.Read, true
}

// secure reports whether the connection speaks TLS, where the protocol has been agreed on in the handshake.
func (c *Conn) secure() bool {
	if c.sv.tls != nil {
		return true
	}
	_, ok := c.NetConn().(interface{ ConnectionState() tls.ConnectionState })
	return ok
}

// handOver takes the connection out of the server and gives it away, with a copy of what it has received.
func (c *Conn) handOver(t *transport.Turn, give func(nc net.Conn, pending []byte)) transport.Next {
	method, path := []byte(preface[:3]), []byte(preface[4:5])
	if !c.conn.Begin(t, method, path) {
		return transport.Own // where this happens again
	}
	defer c.conn.End(t)
	nc, err := c.conn.Hijack(t)
	if err != nil {
		c.phase = phaseEnd
		c.sv.logf("http: HTTP/2 from %s: %v", c.Remote(), err)
		return transport.Close
	}
	pending := append([]byte(nil), t.In...)
	t.In = t.In[len(t.In):]
	nc.SetDeadline(time.Time{})
	c.given(nc)
	give(nc, pending)
	return transport.Gone
}

// given notes that the connection is somebody else's.
func (c *Conn) given(nc net.Conn) {
	c.phase = phaseGone
	c.RemoteAddrPort() // now: see askPeer
	c.lasts(nc)
	c.part()
	c.sv.s.counters.hijacked.Add(1)
	c.sv.s.counters.open.Add(-1)
}

// begunConn is a connection of which something has been read already.
type begunConn struct {
	net.Conn
	begin []byte
}

// Read gives what has been read already, and then what comes.
func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.begin) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.begin)
	if c.begin = c.begin[n:]; len(c.begin) == 0 {
		c.begin = nil
	}
	return n, nil
}

// NetConn returns the connection beneath.
func (c *begunConn) NetConn() net.Conn { return c.Conn }
