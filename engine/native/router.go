package native

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/peregrine-http/peregrine/httpparse"
	"github.com/peregrine-http/peregrine/radix"
)

// Router maps patterns to handlers. It is a Group, the one that holds all others: its middleware and its headers are for
// everything, the answers that the router gives by itself included (404, 405, OPTIONS, redirects).
//
// Routes, middleware and headers are registered before serving starts, by one goroutine; afterwards registering panics.
type Router struct {
	group // by its other name, or the field would hide the method Group

	// NotFound answers requests that no pattern matches. Default: 404.
	NotFound Handler
	// MethodNotAllowed answers requests whose path is matched by patterns for other methods only; Allow is set.
	// Default: 405.
	MethodNotAllowed Handler
	// OnError answers the errors that handlers return, as long as the response has not begun. Default: an *Error as it says,
	// anything else 500, and a line in the log for statuses from 500 on.
	OnError func(w *Response, r *Request, err error)
	// OnPanic answers a panic with that value, as long as the response has not begun. It runs on the panic's stack.
	// Default: 500, and the stack in the log. The connection is cut after a panic in the middle of a response.
	OnPanic func(w *Response, r *Request, value any)

	tree     radix.Tree[*route]
	routes   []*route
	sealed   atomic.Bool
	sealing  sync.Once
	fallback fallback
}

// fallback are the routes of what no pattern says.
type fallback struct{ notFound, notAllowed, options, redirect, refuse route }

// NewRouter returns a router without routes.
func NewRouter() *Router {
	rt := new(Router)
	rt.group.router = rt
	return rt
}

// Group is a set of routes with a common prefix, middleware and headers.
type Group struct {
	router     *Router
	parent     *Group
	prefix     string
	middleware []Middleware
	request    []header
	response   []header
}

type group = Group

// header is a global one.
type header struct {
	field
	except *radix.Tree[bool] // paths that do not get it; nil: all do
}

// route is a pattern with all that is worked out for it.
type route struct {
	pattern  string
	group    *Group
	own      Handler // as registered
	handler  Handler // with the middleware of all its groups around it
	place    place
	bodyMax  int64
	bounded  bool // bodyMax counts
	constant *Const

	added    []field // to the request
	baked    fields  // of the response
	excepted bool    // some header depends on the path
}

// place is where a route's handler runs.
type place uint8

const (
	placeLearn  place = iota // on the loop, until it is seen to take long
	placeInline              // on the loop, always
	placeOwn                 // on a goroutine of its own, always
)

// Option says something about one route.
type Option func(*route)

// Inline is for handlers that never wait: they run on the event loop even if they are seen to take long, and everything
// else on that loop waits for them.
func Inline() Option { return func(r *route) { r.place = placeInline } }

// Own is for handlers that always wait, for a database, say: they leave the event loop at once.
func Own() Option { return func(r *route) { r.place = placeOwn } }

// Body bounds the route's request bodies to bytesMax bytes, in the place of Server.BodyBytesMax: 413 above. A negative
// number means no bound.
func Body(bytesMax int64) Option {
	return func(r *route) { r.bodyMax, r.bounded = bodyBound(bytesMax), true }
}

// Handle registers a handler for a pattern of net/http 1.22: "[METHOD ][HOST]/[PATH]", where a segment may be {name},
// the last one {name...}, and {$} stands for the end. The group's prefix goes between host and path. The most specific
// pattern wins. It panics if the pattern is malformed, or if another one matches some of the same requests and
// neither is more specific; the text names both.
func (g *Group) Handle(pattern string, h Handler, options ...Option) {
	if h == nil {
		panic(fmt.Sprintf("native: %q: the handler is nil", pattern))
	}
	g.register(pattern, h, options)
}

func (g *Group) register(pattern string, h Handler, options []Option) *route {
	rt := g.router
	rt.open()
	pattern = prefixed(g.prefix, pattern)
	r := &route{pattern: pattern, group: g, own: h}
	for _, o := range options {
		o(r)
	}
	if err := rt.tree.Add(pattern, r); err != nil {
		panic("native: " + err.Error())
	}
	rt.routes = append(rt.routes, r)
	return r
}

// open panics if serving has started.
func (rt *Router) open() {
	if rt.sealed.Load() {
		panic("native: the router is serving: nothing can be registered any more")
	}
}

// prefixed puts a group's prefix between a pattern's host and its path.
func prefixed(prefix, pattern string) string {
	if prefix == "" {
		return pattern
	}
	at := strings.IndexByte(pattern, '/')
	if at < 0 {
		return pattern + prefix // let the tree say what is wrong with it
	}
	return pattern[:at] + prefix + pattern[at:]
}

// Group returns a new group within g. prefix is put before the paths of its patterns: "" or a path like "/api", which may
// have wildcards.
func (g *Group) Group(prefix string) *Group {
	g.router.open()
	if prefix != "" && (prefix[0] != '/' || prefix[len(prefix)-1] == '/') {
		panic(fmt.Sprintf("native: group prefix %q: want a path that begins with a slash and does not end in one", prefix))
	}
	return &Group{router: g.router, parent: g, prefix: g.prefix + prefix}
}

// Use adds middleware, around all routes of the group and of the groups within it, no matter which was registered first.
// The first is outermost.
func (g *Group) Use(middleware ...Middleware) {
	g.router.open()
	g.middleware = append(g.middleware, middleware...)
}

// ResponseHeader adds a field to all responses of the group's routes, except those to paths that one of the except
// patterns matches (of the same language; the group's prefix is not added). Handlers may remove or replace it.
func (g *Group) ResponseHeader(name, value string, except ...string) {
	g.response = append(g.response, g.header(name, value, except))
}

// RequestHeader adds a field to all requests of the group's routes, as their handlers see them; otherwise it is as
// ResponseHeader. It comes before what the client sent.
func (g *Group) RequestHeader(name, value string, except ...string) {
	g.request = append(g.request, g.header(name, value, except))
}

func (g *Group) header(name, value string, except []string) header {
	g.router.open()
	h := header{field: field{name, string(appendValue(nil, value))}}
	checkName(name)
	switch httpparse.LookupField([]byte(name)) {
	case httpparse.FieldContentLength, httpparse.FieldTransferEncoding, httpparse.FieldConnection:
		panic("native: " + name + " belongs to one message and cannot be a header of all")
	}
	for _, pattern := range except {
		if h.except == nil {
			h.except = new(radix.Tree[bool])
		}
		if err := h.except.Add(pattern, true); err != nil {
			panic("native: " + err.Error())
		}
	}
	return h
}

// seal works out the chains and the headers of all routes. Several servers may share a router.
func (rt *Router) seal() { rt.sealing.Do(rt.sealOnce) }

func (rt *Router) sealOnce() {
	rt.sealed.Store(true)
	f := &rt.fallback
	f.notFound.own, f.notAllowed.own = rt.NotFound, rt.MethodNotAllowed
	if rt.NotFound == nil {
		f.notFound.own = func(w *Response, _ *Request) error { return w.Error(404, "") }
	}
	if rt.MethodNotAllowed == nil {
		f.notAllowed.own = func(w *Response, _ *Request) error { return w.Error(405, "") }
	}
	f.options.own = func(w *Response, _ *Request) error { return w.Empty(204) }
	f.redirect.own = rt.redirect
	f.refuse.own = refuse
	for _, r := range []*route{&f.notFound, &f.notAllowed, &f.options, &f.redirect, &f.refuse} {
		r.group = &rt.group
		r.seal()
	}
	for _, r := range rt.routes {
		r.seal()
	}
}

func (r *route) seal() {
	r.handler = r.own
	var groups []*Group // inner ones first
	for g := r.group; g != nil; g = g.parent {
		groups = append(groups, g)
	}
	for _, g := range groups {
		for i := len(g.middleware) - 1; i >= 0; i-- {
			r.handler = g.middleware[i](r.handler)
		}
	}
	var w Response
	for i := len(groups) - 1; i >= 0; i-- {
		for _, h := range groups[i].request {
			switch applies, known := r.applies(&h); {
			case !known:
				r.excepted = true
			case applies:
				r.added = append(r.added, h.field)
			}
		}
		for _, h := range groups[i].response {
			switch applies, known := r.applies(&h); {
			case !known:
				r.excepted = true
			case applies:
				w.add(h.name, h.value)
			}
		}
	}
	r.baked = w.fields
	r.baked.baked = len(r.baked.lines)
}

// applies reports whether the route's messages have a header, and whether that is known before there is a request: it
// is if there are no exceptions, and for the one path of a constant route, unless the host counts.
func (r *route) applies(h *header) (applies, known bool) {
	switch {
	case h.except == nil:
		return true, true
	case r.constant == nil || h.except.HasHosts():
		return false, false
	}
	_, outcome := h.except.Lookup(new(radix.Match), []byte("GET"), nil, []byte(r.constant.path))
	return outcome != radix.Found, true
}

// applyExcepted adds the headers that depend on the path.
func (r *route) applyExcepted(w *Response, req *Request) {
	var m radix.Match
	req.added = append([]field(nil), r.added...)
	for g := r.group; g != nil; g = g.parent {
		for _, h := range g.request {
			if _, known := r.applies(&h); !known && !h.excludes(&m, req) {
				req.added = append(req.added, h.field)
			}
		}
		for _, h := range g.response {
			if _, known := r.applies(&h); !known && !h.excludes(&m, req) {
				w.add(h.name, h.value)
			}
		}
	}
}

func (h *header) excludes(m *radix.Match, r *Request) bool {
	_, outcome := h.except.Lookup(m, r.Method(), r.hostName(), r.Path())
	return outcome == radix.Found
}

// answerError is OnError, or its default.
func (rt *Router) answerError(w *Response, r *Request, err error, log *slog.Logger) {
	if rt.OnError != nil {
		rt.OnError(w, r, err)
		return
	}
	answerError(w, r, err, log)
}

// logPanic is a panic's line in the log.
func logPanic(log *slog.Logger, r *Request, value any) {
	stack := make([]byte, panicStackMax)
	stack = stack[:runtime.Stack(stack, false)]
	log.Error("panic in a handler", "value", value, "method", string(r.Method()), "pattern", r.Pattern(),
		"remote", r.RemoteAddr().String(), "stack", string(stack))
}
