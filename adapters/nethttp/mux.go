package nethttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/peregrine-http/peregrine/radix"
)

// ServeMux is http.ServeMux on package radix: the same patterns, conflicts, redirects and answers, found faster. It
// works under any server. What its patterns are is said by http.ServeMux; where it differs is said by package radix,
// and this is all besides: path values are those of http.Request.SetPathValue, so that values which a mux outside of
// this one has set can still be read; and GODEBUG=httpmuxgo121 has no effect.
//
// Its methods may be called concurrently. The zero value is ready.
type ServeMux struct {
	mu   sync.Mutex // for registration
	tree *radix.Tree[muxRoute]

	// served is tree once a request has been served from it, and nil before and after each registration: a tree
	// in use is not changed, but copied.
	served atomic.Pointer[radix.Tree[muxRoute]]
}

type muxRoute struct {
	handler  http.Handler
	location string // of the call that registered it
}

// NewServeMux returns a new ServeMux.
func NewServeMux() *ServeMux { return new(ServeMux) }

// Handle registers the handler for a pattern. It panics if the pattern cannot be read, or conflicts with one that is
// there: the message names both, where they were registered, and a path that both match.
func (mux *ServeMux) Handle(pattern string, handler http.Handler) {
	if f, ok := handler.(http.HandlerFunc); handler == nil || ok && f == nil {
		panic(errors.New("nethttp: nil handler"))
	}
	mux.register(pattern, handler)
}

// HandleFunc registers the handler function for a pattern. It panics as Handle does.
func (mux *ServeMux) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	if handler == nil {
		panic(errors.New("nethttp: nil handler"))
	}
	mux.register(pattern, http.HandlerFunc(handler))
}

// register is called by the two functions that a program calls: the location is that of their caller.
func (mux *ServeMux) register(pattern string, handler http.Handler) {
	location := "unknown location"
	if _, file, line, ok := runtime.Caller(2); ok {
		location = fmt.Sprintf("%s:%d", file, line)
	}
	mux.mu.Lock()
	defer mux.mu.Unlock()
	switch {
	case mux.tree == nil:
		mux.tree = new(radix.Tree[muxRoute])
	case mux.served.Load() != nil:
		mux.tree = mux.tree.Clone()
		mux.served.Store(nil)
	}
	err := mux.tree.Add(pattern, muxRoute{handler, location})
	var conflict *radix.ConflictError
	if errors.As(err, &conflict) {
		rival, _ := mux.tree.Value(conflict.Rival)
		err = fmt.Errorf("nethttp: pattern %q (registered at %s) conflicts with pattern %q (registered at %s): %w",
			pattern, location, conflict.Rival, rival.location, err)
	}
	if err != nil {
		panic(err)
	}
}

// routes returns the tree to serve from.
func (mux *ServeMux) routes() *radix.Tree[muxRoute] {
	if tree := mux.served.Load(); tree != nil {
		return tree
	}
	mux.mu.Lock()
	defer mux.mu.Unlock()
	if mux.tree == nil {
		mux.tree = new(radix.Tree[muxRoute])
	}
	mux.served.Store(mux.tree)
	return mux.tree
}

// Handler returns the handler for a request, and the pattern that it was registered with. It is never nil: it may be one
// that redirects, whose pattern is the one that the redirect leads to, or, as in http.ServeMux, that path for CONNECT;
// or one that answers 404 or 405, whose pattern is empty. It sets no path values.
func (mux *ServeMux) Handler(r *http.Request) (h http.Handler, pattern string) {
	m := matches.Get().(*radix.Match)
	defer matches.Put(m)
	h, pattern, _ = mux.find(m, r)
	return h, pattern
}

// ServeHTTP calls the handler for the request, after setting its Pattern and path values.
func (mux *ServeMux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == "*" {
		if r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	m := matches.Get().(*radix.Match)
	h, pattern, found := mux.find(m, r)
	r.Pattern = pattern
	if found {
		for i := range m.Len() {
			r.SetPathValue(m.Name(i), m.ValueString(i))
		}
	}
	matches.Put(m)
	h.ServeHTTP(w, r)
}

// matches are reused by requests: a radix.Match is a few hundred bytes, and nothing of it outlives the lookup.
var matches = sync.Pool{New: func() any { return new(radix.Match) }}

// find returns the handler for a request, and whether it is one that was registered.
func (mux *ServeMux) find(m *radix.Match, r *http.Request) (h http.Handler, pattern string, found bool) {
	tree := mux.routes()
	path := escapedPath(r.URL)
	if r.Method == "CONNECT" {
		return findConnect(tree, m, r, path)
	}
	host, cleaned := r.Host, cleanPath(path)
	if tree.HasHosts() {
		host = radix.StripPort(host)
	}
	route, outcome := tree.LookupString(m, r.Method, host, cleaned)
	switch {
	case outcome == radix.Redirect:
		return redirectSlash(r.URL), m.Pattern(), false
	case cleaned != path:
		// What is escaped already is escaped once more. That is how http.ServeMux does it, too.
		to := url.URL{Path: cleaned, RawQuery: r.URL.RawQuery}
		return http.RedirectHandler(to.String(), http.StatusTemporaryRedirect), m.Pattern(), false
	case outcome == radix.Found:
		return route.handler, m.Pattern(), true
	}
	return unrouted(tree, m, host, cleaned), "", false
}

// findConnect is find for CONNECT, whose path is not cleaned, and whose host may have a port. Redirects are looked for
// with the host of the URL, routes with the field Host.
func findConnect(tree *radix.Tree[muxRoute], m *radix.Match, r *http.Request, path string) (h http.Handler, pattern string, found bool) {
	if _, outcome := tree.LookupString(m, r.Method, r.URL.Host, path); outcome == radix.Redirect {
		return redirectSlash(r.URL), cleanPath(r.URL.Path) + "/", false
	}
	route, outcome := tree.LookupString(m, r.Method, r.Host, path)
	if outcome == radix.Redirect {
		route, outcome = tree.Stay(m)
	}
	if outcome == radix.Found {
		return route.handler, m.Pattern(), true
	}
	return unrouted(tree, m, r.URL.Host, path), "", false
}

// unrouted returns the handler of a request that has no route: 405 if another method had one, otherwise 404.
func unrouted(tree *radix.Tree[muxRoute], m *radix.Match, host, path string) http.Handler {
	methods := tree.Methods(m, []byte(host), []byte(path), nil)
	if len(methods) == 0 {
		return http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	})
}

func redirectSlash(u *url.URL) http.Handler {
	to := url.URL{Path: cleanPath(u.Path) + "/", RawQuery: u.RawQuery}
	return http.RedirectHandler(to.String(), http.StatusTemporaryRedirect)
}

func cleanPath(path string) string {
	if radix.IsClean(path) {
		return path
	}
	cleaned, _ := radix.CleanPath(nil, []byte(path))
	return string(cleaned)
}

// escapedPath is u.EscapedPath, which looks closer at what is hardly ever to be escaped.
func escapedPath(u *url.URL) string {
	if u.RawPath == "" && isPlain(u.Path) {
		return u.Path
	}
	return u.EscapedPath()
}
