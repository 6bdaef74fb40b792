package native

import (
	"bytes"
	"net/netip"

	"github.com/peregrine-http/peregrine/httpparse"
)

// client is where a request comes from, as far as the proxies that are trusted can say.
type client struct {
	known  bool // the rest has been worked out
	addr   netip.AddrPort
	scheme string // "" if no proxy has said it
	host   []byte // nil if no proxy has said it; else a view of the head
}

// ClientAddr returns the address of the client that the request comes from. Without Server.Proxies, and if the peer is not
// one of those, that is the peer's. Else it is what the proxies say: of the list in which each has added who it got the request
// from, the last address that is none of theirs; or if all are, the first. What a client has put into the list before is
// left of that and not looked at. The port is 0 if it is not known.
//
// If that address is not there to be read, because it is hidden or unknown (RFC 7239, section 6), because the list is
// malformed where it would be, or because there are more than ProxyHopsMax trusted proxies, the result is the zero
// value: neither a proxy, which may have rights, nor what a client says. So it is for the peer of a Unix socket that is
// not trusted or says nothing.
func (r *Request) ClientAddr() netip.AddrPort { return r.origin().addr }

// ClientScheme returns the scheme that the client has used, "http" or "https": as the proxy says that ClientAddr is the peer of
// (with X-Forwarded-Proto, as the last proxy says), or as the connection has it. Anything else in the place of the two is as
// if it were not there.
func (r *Request) ClientScheme() string {
	if scheme := r.origin().scheme; scheme != "" {
		return scheme
	}
	if r.TLS() != nil {
		return "https"
	}
	return "http"
}

// ClientHost returns the host that the client has asked for, perhaps with a port: as the proxy says that ClientAddr is the
// peer of (with X-Forwarded-Host, as the last proxy says), or as Host does. What cannot be a host is as if it were not
// there. Routes go by Host.
func (r *Request) ClientHost() []byte {
	if host := r.origin().host; host != nil {
		return host
	}
	return r.Host()
}

func (r *Request) origin() *client {
	c := &r.from
	if c.known {
		return c
	}
	c.known = true
	if r.x == nil { // a constant route's: nobody has asked
		return c
	}
	conn, p := r.x.Conn(), &servingOf(r.x).srv.Proxies
	c.addr = conn.RemoteAddrPort()
	switch {
	case p.Trusted.None():
		return c
	case c.addr.IsValid():
		if !p.Trusted.Has(c.addr.Addr()) {
			return c
		}
	case !p.Trusted.HasPeer(conn.RemoteAddr()):
		return c
	}
	w := walk{p: p, client: c}
	switch p.Fields {
	case Forwarded:
		r.eachLast(httpparse.FieldForwarded, w.forwarded)
	case XForwarded:
		r.eachLast(httpparse.FieldXForwardedFor, w.addresses)
		r.schemeAndHost(c)
	case XRealIP:
		r.realIP(c)
		r.schemeAndHost(c)
	}
	return c
}

// eachLast calls f with the values of all fields of that name, the last one first, until it returns false.
func (r *Request) eachLast(id httpparse.FieldID, f func([]byte) bool) {
	for i := len(r.head.Fields) - 1; i >= 0; i-- {
		if field := &r.head.Fields[i]; field.ID == id && !f(field.Value.In(r.bytes)) {
			return
		}
	}
}

// realIP is for a field that is no list: a second one is one too many.
func (r *Request) realIP(c *client) {
	seen := false
	r.eachLast(httpparse.FieldXRealIP, func(value []byte) bool {
		if seen {
			c.addr = netip.AddrPort{}
			return false
		}
		seen = true
		c.addr, _ = bareNode(value)
		return true
	})
}

// schemeAndHost reads the last values of X-Forwarded-Proto and X-Forwarded-Host.
func (r *Request) schemeAndHost(c *client) {
	r.eachLast(httpparse.FieldXForwardedProto, func(value []byte) bool {
		_, last := cutLast(value)
		c.scheme = scheme(last)
		return false
	})
	r.eachLast(httpparse.FieldXForwardedHost, func(value []byte) bool {
		_, last := cutLast(value)
		c.host = host(last)
		return false
	})
}

// walk goes through the hops from the last one on. Each is trusted, and says whom it got the request from.
type walk struct {
	p      *Proxies
	client *client
	hops   int
}

// to brings the walk to the node that the hop says, or to none, where it ends. It reports whether that is a proxy again, which
// has something to say of its own.
func (w *walk) to(node netip.AddrPort, ok bool) (more bool) {
	w.hops++
	if !ok || w.hops > ProxyHopsMax {
		w.client.addr = netip.AddrPort{}
		return false
	}
	w.client.addr = node
	return w.p.Trusted.Has(node.Addr())
}

// addresses walks through one X-Forwarded-For, from its end.
func (w *walk) addresses(list []byte) (more bool) {
	for len(list) > 0 {
		var last []byte
		if list, last = cutLast(list); len(last) == 0 {
			continue // RFC 9110, section 5.6.1
		}
		if !w.to(bareNode(last)) {
			return false
		}
	}
	return true
}

// forwarded walks through one Forwarded, from its end. What ends in a string begins further left, so that all of the field is
// read first. A client that leaves a string open, so that what the proxy has added is taken for a part of it, makes the
// field malformed and hides itself, no more.
func (w *walk) forwarded(value []byte) (more bool) {
	var last [ProxyHopsMax]element
	n, ok := elements(value, &last)
	if !ok {
		w.client.scheme, w.client.host = "", nil
		return w.to(netip.AddrPort{}, false)
	}
	for i := range min(n, len(last)) {
		e := &last[(n-1-i)%len(last)]
		if s := scheme(e.proto); s != "" {
			w.client.scheme = s
		}
		if h := host(e.host); h != nil {
			w.client.host = h
		}
		if !w.to(node(e.node)) {
			return false
		}
	}
	if n > len(last) {
		return w.to(netip.AddrPort{}, false)
	}
	return true
}

// ownClient makes a client of its own for a copy of the request.
func (r *Request) ownClient() client {
	c := *r.origin()
	c.scheme = r.ClientScheme()
	c.host = bytes.Clone(c.host)
	return c
}
