package native

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/constcache"
	"github.com/peregrine-http/peregrine/httpparse"
)

// Const is a route whose answer is computed once: when serving starts, and again when its time-to-live has passed or
// Invalidate asks for it. Its methods may be called by any goroutine.
type Const struct {
	route    *route
	handler  Handler // as registered
	path     string
	cell     constcache.Cell
	ttl      time.Duration
	encoders []constcache.Encoder
}

// Const registers a route whose handler runs once, without a client, and whose answer is kept as ready bytes: for GET and
// HEAD, for connections that stay and that end, with a strong ETag and 304, and in the codings that make it smaller. The
// group's headers are part of them. Middleware runs for every request; what it sets, in addition or instead, makes the
// answer go the way of all answers, with the same outcome. So do requests that could see a difference: with a body,
// Range, Expect, Upgrade, If-Match, If-Unmodified-Since. For those the handler runs.
//
// The pattern has no wildcards but {$}, and its method is GET. A handler that fails when serving starts makes Serve return
// its error; later the last good answer stays.
func (g *Group) Const(pattern string, h Handler, options ...ConstOption) *Const {
	if h == nil {
		panic(fmt.Sprintf("native: %q: the handler is nil", pattern))
	}
	c := &Const{handler: h, encoders: encoders}
	for _, o := range options {
		o(c)
	}
	full := prefixed(g.prefix, pattern)
	method, path, spaced := strings.Cut(full, " ")
	path = strings.TrimLeft(path, " \t")
	path = strings.TrimSuffix(path[max(0, strings.IndexByte(path, '/')):], "{$}")
	if !spaced || method != "GET" || strings.ContainsAny(path, "{}") {
		panic(fmt.Sprintf("native: constant route %q: want GET and a path without wildcards", full))
	}
	c.path = path
	c.route = g.register(pattern, c.serve, nil)
	c.route.constant = c
	return c
}

// ConstOption says something about a constant route.
type ConstOption func(*Const)

// TTL has the answer computed again when it is older than ttl, by the first request that finds it so; the others get the
// old one meanwhile. Default: it stays.
func TTL(ttl time.Duration) ConstOption { return func(c *Const) { c.ttl = ttl } }

// Plain keeps the answer from being compressed.
func Plain() ConstOption { return func(c *Const) { c.encoders = nil } }

// Invalidate has the answer computed again by the next request.
func (c *Const) Invalidate() { c.cell.Invalidate() }

// serve is the innermost handler of a constant route.
func (c *Const) serve(w *Response, r *Request) error {
	if r.x == nil || w.status != 0 || w.written > 0 || w.length >= 0 || w.fields.baked < 0 || w.Started() || !w.askFor(r) {
		return c.handler(w, r)
	}
	now := r.x.Now().UnixNano()
	a, stale := c.cell.Get(now)
	if stale {
		var err error
		if a, err = c.refresh(servingOf(r.x), a, now); err != nil {
			return err
		}
	}
	if a == nil { // somebody is computing it
		return c.handler(w, r)
	}
	return w.sendReady(a, &c.route.baked)
}

// refresh computes the answer anew. If that fails, the last one stays for another ttl; if there is none, the next request
// tries again.
func (c *Const) refresh(s *serving, last *constcache.Answer, now int64) (*constcache.Answer, error) {
	kept := false
	defer func() {
		if !kept { // also when the goroutine ends
			c.cell.Abandon()
		}
	}()
	fresh, err := c.compute(s)
	if err != nil {
		if last == nil {
			return nil, err
		}
		s.log.Error("constant route keeps its last answer", "pattern", c.route.pattern, "error", err)
		fresh = last
	}
	kept = true
	c.cell.Set(fresh, now, c.ttl)
	return fresh, nil
}

// compute runs the handler for nobody in particular, and makes ready bytes of its answer.
func (c *Const) compute(s *serving) (*constcache.Answer, error) {
	source, err := s.record(c)
	if err != nil {
		return nil, fmt.Errorf("native: constant route %q: %w", c.route.pattern, err)
	}
	a, err := constcache.Make(source, c.encoders...)
	if err != nil {
		return nil, fmt.Errorf("native: constant route %q: %w", c.route.pattern, err)
	}
	return a, nil
}

// computeConstants computes all constant routes before the first connection.
func (s *serving) computeConstants() error {
	for _, rt := range s.router.routes {
		if c := rt.constant; c != nil {
			if _, stale := c.cell.Get(0); !stale {
				continue // by another server with the same router
			}
			if _, err := c.refresh(s, nil, time.Now().UnixNano()); err != nil {
				return err
			}
		}
	}
	return nil
}

// record runs the handler of a constant route without a connection and returns what it has answered. A panic is an error.
func (s *serving) record(c *Const) (source constcache.Source, err error) {
	head := []byte("GET " + c.path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
	d := &desk{r: Request{head: new(httpparse.Request), bytes: head, route: c.route, added: c.route.added}}
	if _, err := d.r.head.Parse(head); err != nil {
		return source, err
	}
	d.r.conn = [2]net.Addr{&net.TCPAddr{}, &net.TCPAddr{}}
	d.r.base = s.base
	d.w.begin(s, nil, &d.r)
	defer d.w.dropFilter() // that the handler has set: ready bytes have codings of their own
	if len(c.route.baked.lines) > 0 {
		d.w.fields.bake(&c.route.baked)
	}
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	if err := c.handler(&d.w, &d.r); err != nil {
		return source, err
	}
	if w := &d.w; w.length >= 0 && w.length != w.written {
		return source, fmt.Errorf("%d bytes written of a declared Content-Length of %d", w.written, w.length)
	}
	return d.w.source(), nil
}

// source returns a recorded response.
func (w *Response) source() constcache.Source {
	s := constcache.Source{Status: w.Status(), Body: w.draft}
	for _, a := range w.fields.at {
		line := string(w.fields.lines[a.from:a.to])
		s.Fields = append(s.Fields, constcache.Field{Name: line[:a.name], Value: line[a.name+2 : len(line)-2]})
	}
	if !w.fields.hasType && len(w.draft) > 0 {
		s.Fields = append(s.Fields, constcache.Field{Name: "Content-Type", Value: defaultType})
	}
	return s
}
