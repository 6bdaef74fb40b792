package nethttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/peregrine-http/peregrine/constcache"
	"github.com/peregrine-http/peregrine/radix"
)

// newConstantRequest makes the request that the handler of a Constant sees.
func newConstantRequest(path string, r *http.Request) *http.Request {
	u := &url.URL{Path: path}
	req := &http.Request{
		Method: "GET", URL: u, RequestURI: u.RequestURI(), Host: "localhost", Pattern: r.Pattern,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody,
	}
	setConstantPathValues(req, r)
	return req.WithContext(constantContext(r))
}

// setConstantPathValues works the values of the pattern's wildcards out of the path. Those in r are not taken over: who has
// come between may have put something else there.
func setConstantPathValues(req, r *http.Request) {
	var tree radix.Tree[struct{}]
	if r.Pattern == "" || tree.Add(r.Pattern, struct{}{}) != nil {
		return
	}
	var m radix.Match
	if _, outcome := tree.LookupString(&m, r.Method, radix.StripPort(r.Host), req.URL.EscapedPath()); outcome == radix.Found {
		for i := range m.Len() {
			req.SetPathValue(m.Name(i), m.ValueString(i))
		}
	}
}

// constantRecorder is the ResponseWriter of a run: it keeps what the handler answers.
type constantRecorder struct {
	header http.Header
	fixed  http.Header // as WriteHeader found them
	status int
	body   []byte
	err    error // why the answer cannot be kept
}

// errConstantBody is for a body above constBodyMax.
var errConstantBody = fmt.Errorf("the body is longer than %d bytes", constBodyMax)

// Header implements http.ResponseWriter.
func (w *constantRecorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. Informational responses are not part of an answer.
func (w *constantRecorder) WriteHeader(code int) {
	if code < 100 || code > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", code))
	}
	if w.status == 0 && (code >= 200 || code == http.StatusSwitchingProtocols) {
		w.status, w.fixed = code, w.header.Clone()
	}
}

// Write implements http.ResponseWriter.
func (w *constantRecorder) Write(p []byte) (int, error) { return record(w, p) }

// WriteString implements io.StringWriter.
func (w *constantRecorder) WriteString(s string) (int, error) { return record(w, s) }

func record[T string | []byte](w *constantRecorder, p T) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case !bodyAllowed(w.status):
		return 0, http.ErrBodyNotAllowed
	case len(w.body)+len(p) > constBodyMax:
		w.err = errConstantBody
		return 0, w.err
	}
	w.body = append(w.body, p...)
	return len(p), nil
}

// Flush implements http.Flusher: a handler that flushes is none that has to.
func (w *constantRecorder) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}

// source returns what the handler has answered, in the order in which net/http sends fields. What speaks of the
// connection, and the date, are left out; each response has its own.
func (w *constantRecorder) source() (src constcache.Source, err error) {
	w.Flush()
	if w.err != nil {
		return src, w.err
	}
	src = constcache.Source{Status: w.status, Body: w.body}
	names := make([]string, 0, len(w.fixed))
	for name := range w.fixed {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := w.fixed[name]
		switch name {
		case "Set-Cookie":
			return src, errors.New("the answer sets a cookie, which would be everybody's")
		case "Content-Length":
			if len(values) > 0 && values[0] != strconv.Itoa(len(w.body)) && bodyAllowed(w.status) {
				return src, fmt.Errorf("Content-Length is %s, and the body has %d bytes", values[0], len(w.body))
			}
			continue
		case "Connection", "Date", "Keep-Alive", "Transfer-Encoding":
			continue
		}
		for _, v := range values {
			src.Fields = append(src.Fields, constcache.Field{Name: name, Value: v})
		}
	}
	if _, typed := w.fixed["Content-Type"]; !typed && len(w.body) > 0 && w.fixed.Get("Content-Encoding") == "" {
		src.Fields = append(src.Fields, constcache.Field{Name: "Content-Type", Value: http.DetectContentType(w.body)})
	}
	return src, nil
}
