package native

import (
	"bytes"
	"context"
	"iter"
	"net"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/httpparse"
	"github.com/peregrine-http/peregrine/radix"
)

// Request is a request as views: what its methods return as []byte is valid until the handler returns, unless the method
// says otherwise. It belongs to the handler's goroutine, or to those that the handler delegates to and waits for.
type Request struct {
	x     *engine.Exchange // nil in a clone
	head  *httpparse.Request
	bytes []byte // what the spans of head are relative to
	route *route
	match radix.Match

	query  query
	body   body
	added  []field         // global request headers of the route
	forms  *forms          // made by the first question about one
	values map[any]any     // made by Set
	ctx    *engine.Context // made by Context
	from   client          // made by the first question about it
	clone  []param         // a clone's parameters
	conn   [2]net.Addr     // a clone's addresses: remote, local
	base   context.Context // a clone's
}

type field struct{ name, value string }

// param is a path parameter of a clone.
type param struct {
	name  string
	value []byte
}

func (r *Request) begin(s *serving, x *engine.Exchange) {
	r.x, r.head, r.bytes = x, x.Head(), x.HeadBytes()
	r.query.parsed = false
	r.body.begin(s.srv.BodyBytesMax)
}

// end drops what must not outlive the handler.
func (r *Request) end() {
	if poisoned {
		r.poison()
	}
	r.x, r.head, r.bytes, r.route, r.added = nil, nil, nil, nil, nil
	r.body.end()
	r.query.end()
	if r.forms != nil {
		r.forms.end()
	}
	r.ctx = nil
	if r.from.known {
		r.from = client{}
	}
	if r.values != nil {
		clear(r.values)
	}
}

// poison overwrites what views of the request lie in, except for the head and the input, which are the transport's.
func (r *Request) poison() {
	poison(r.query.text)
	poison(r.body.whole)
	if bytes.IndexByte(r.Path(), '%') < 0 || r.Pattern() == "" {
		return
	}
	for i := range r.match.Len() { // decoded, hence in the match's memory
		v := r.match.Value(i)
		poison(v[:len(v):len(v)])
	}
}

// Method returns the method as it was sent.
func (r *Request) Method() []byte { return r.head.Method.In(r.bytes) }

// isMethod compares without making a string.
func (r *Request) isMethod(name string) bool { return string(r.Method()) == name }

// Target returns the request-target as it was sent.
func (r *Request) Target() []byte { return r.head.Target.In(r.bytes) }

// Path returns the target's path as it was sent: not decoded, without the query. It is "/" where a target in absolute
// form has none, "*" for "OPTIONS *", and empty for CONNECT.
func (r *Request) Path() []byte {
	if r.head.Path.Len == 0 && r.head.Form == httpparse.Absolute {
		return rootPath
	}
	return r.head.Path.In(r.bytes)
}

var rootPath = []byte("/")

// Host returns the authority of the target if it has one, else the Host field's value. It may have a port.
func (r *Request) Host() []byte { return r.head.Host.In(r.bytes) }

// hostName returns what patterns with a host are compared with: the host without its port, except for CONNECT, which asks for
// that port (RFC 9110, section 9.3.6).
func (r *Request) hostName() []byte {
	if r.head.Form == httpparse.Authority {
		return r.Host()
	}
	return radix.StripPort(r.Host())
}

// ProtoMinor returns the minor version of HTTP/1: 0 or 1.
func (r *Request) ProtoMinor() int { return int(r.head.Minor) }

// Pattern returns the pattern that the request was routed by, "" if none matched. It stays valid.
func (r *Request) Pattern() string {
	if r.route == nil {
		return ""
	}
	return r.route.pattern
}

// Param returns the value of the pattern's wildcard with that name, decoded; nil if there is none.
func (r *Request) Param(name string) []byte {
	for _, p := range r.clone {
		if p.name == name {
			return p.value
		}
	}
	if r.Pattern() == "" {
		return nil
	}
	v, _ := r.match.Param(name)
	return v
}

// Params yields the wildcards of the pattern, in its order, with their decoded values.
func (r *Request) Params() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, p := range r.clone {
			if !yield(p.name, p.value) {
				return
			}
		}
		if r.Pattern() == "" {
			return
		}
		for i := range r.match.Len() {
			if !yield(r.match.Name(i), r.match.Value(i)) {
				return
			}
		}
	}
}

// RemoteAddr returns the peer's address; never nil. It stays valid.
func (r *Request) RemoteAddr() net.Addr {
	if r.x == nil {
		return r.conn[0]
	}
	return r.x.Conn().RemoteAddr()
}

// LocalAddr returns our address of the connection; never nil. It may cost a system call. It stays valid.
func (r *Request) LocalAddr() net.Addr {
	if r.x == nil {
		return r.conn[1]
	}
	return r.x.Conn().LocalAddr()
}

// Set attaches a value to the request, for what runs later in the chain. As with context.WithValue, a key should be of
// an unexported type. The values end with the request.
func (r *Request) Set(key, value any) {
	if r.values == nil {
		r.values = make(map[any]any)
	}
	r.values[key] = value
}

// Value returns what Set attached under key, else what Context().Value would find in the server's base context, or nil.
func (r *Request) Value(key any) any {
	if v, ok := r.values[key]; ok {
		return v
	}
	if r.x == nil {
		return r.base.Value(key)
	}
	return servingOf(r.x).base.Value(key)
}

// Context returns the request's context, made at the first call. It ends when the client leaves (once the body has been
// read), and when the handler has returned; it stays valid. A clone's is the server's base context.
func (r *Request) Context() context.Context {
	if r.x == nil {
		return r.base
	}
	if r.ctx == nil {
		r.ctx = new(engine.Context)
		r.ctx.Init(servingOf(r.x).base, r.x)
		r.x.SetContext(r.ctx)
	}
	return r.ctx
}
