package native

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/peregrine-http/peregrine/httpparse"
	"github.com/peregrine-http/peregrine/radix"
)

// find returns the route that answers the request. What no pattern says it decides itself, by the rules of
// net/http.ServeMux; run sets the fields that go with it.
func (s *serving) find(r *Request) *route {
	rt := s.router
	head := r.head
	f := &rt.fallback
	if int(head.Target.Len) > s.srv.TargetBytesMax || head.ExpectOther {
		return &f.refuse
	}
	path := r.Path()
	if head.Form == httpparse.Asterisk {
		if r.isMethod("OPTIONS") {
			return &f.options
		}
		return &f.refuse
	}
	if head.Form != httpparse.Authority && !radix.IsClean(path) {
		return &f.redirect
	}
	var host []byte
	if rt.tree.HasHosts() {
		host = r.hostName()
	}
	found, outcome := rt.tree.Lookup(&r.match, r.Method(), host, path)
	switch outcome {
	case radix.Found:
		return found
	case radix.Redirect:
		return &f.redirect
	case radix.MethodNotAllowed:
		return &f.notAllowed
	}
	return &f.notFound
}

// allow sets Allow for a path that other methods have. OPTIONS is among them, since it is answered.
func (s *serving) allow(w *Response, r *Request) {
	methods := s.router.tree.Methods(&r.match, r.hostName(), r.Path(), nil)
	if !slices.Contains(methods, "OPTIONS") {
		methods = append(methods, "OPTIONS")
		slices.Sort(methods)
	}
	w.Set("Allow", strings.Join(methods, ", "))
}

// redirect sends the client to the clean form of its path, or to the path with a slash at the end, which is registered. 307
// keeps method and body, as net/http has it.
func (rt *Router) redirect(w *Response, r *Request) error {
	path, changed := radix.CleanPath(nil, r.Path())
	slash := !changed
	if changed {
		_, outcome := rt.tree.Lookup(&r.match, r.Method(), r.hostName(), path)
		slash = outcome == radix.Redirect // both in one step
	}
	if slash {
		path = append(path, '/')
	}
	// Browsers take a backslash for a slash, and two of those at the beginning for another host.
	path = bytes.ReplaceAll(path, backslash, escapedBackslash)
	if query := r.RawQuery(); len(query) > 0 {
		path = append(append(path, '?'), query...)
	}
	return w.Redirect(307, string(path))
}

var backslash, escapedBackslash = []byte(`\`), []byte("%5C")

// refuse answers what the router does not look up.
func refuse(w *Response, r *Request) error {
	switch {
	case r.head.ExpectOther:
		if !r.x.BodyDone() { // it may come or not, as with 100-continue: see makeHead
			w.Set("Connection", "close")
		}
		return w.Error(417, "")
	case r.head.Form == httpparse.Asterisk:
		return w.Error(400, "")
	}
	return w.Error(414, "")
}

func answerError(w *Response, r *Request, err error, log *slog.Logger) {
	e := &Error{Status: 500}
	if errors.As(err, &e) && (e.Status < 400 || e.Status > 599) {
		e = &Error{Status: 500}
	}
	if e.Status >= 500 {
		log.Error("handler failed", "error", err, "method", string(r.Method()), "pattern", r.Pattern(),
			"remote", r.RemoteAddr().String())
	}
	w.Error(e.Status, e.Message)
}
