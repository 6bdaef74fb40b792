package native

import (
	"bytes"
	"net"
	"slices"
)

// Clone returns a copy of the request that is the caller's for ever: head, parameters, values, addresses, and the body if
// Body has read it; if there is one that Body has not read, the clone's Body fails with ErrNoConn, as its BodyReader does.
// There are no Trailers, and the Context is the server's base context.
func (r *Request) Clone() *Request {
	c := &Request{bytes: bytes.Clone(r.bytes), route: r.route, added: r.added, base: r.base}
	if r.x != nil {
		c.base = servingOf(r.x).base
	}
	head := *r.head
	head.Fields = slices.Clone(head.Fields)
	c.head = &head
	for name, value := range r.Params() {
		c.clone = append(c.clone, param{name, bytes.Clone(value)})
	}
	if len(r.values) > 0 {
		c.values = make(map[any]any, len(r.values))
		for k, v := range r.values {
			c.values[k] = v
		}
	}
	if r.body.fetched {
		c.body.fetched, c.body.err = true, r.body.err
		c.body.whole = bytes.Clone(r.body.whole)
	}
	c.conn = [2]net.Addr{r.RemoteAddr(), r.LocalAddr()}
	c.from = r.ownClient()
	return c
}
