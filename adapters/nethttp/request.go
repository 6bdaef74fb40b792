package nethttp

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/httpparse"
)

// inlineValues is the number of field values that need no array of their own. Browsers send 10 to 15 fields, programs
// rarely more than 8.
const inlineValues = 8

// exchange is one allocation that holds what a request without a body is made of: 760 bytes, with which it fits
// a size class of the runtime. The handler may keep its http.Request for ever, so
// nothing of it is ever used again.
type exchange struct {
	req    http.Request
	url    url.URL
	ctx    requestContext
	res    response
	values [inlineValues]string
}

// newExchange turns x into a request. It fails for a target that package url cannot read.
//
// All strings of the request are parts of one copy of the head, which is freed when the last of them is. Names and
// methods that are in common use are constants instead: programs keep those, in metrics for instance.
func newExchange(sv *serving, x *engine.Exchange) (*exchange, error) {
	h, head := x.Head(), string(x.HeadBytes())
	ex := new(exchange)
	if err := parseTarget(&ex.url, h, head); err != nil {
		return nil, err
	}

	c := x.Conn()
	ex.ctx.sv, ex.ctx.conn = sv, c
	ex.ctx.Init(sv.parent(c), x)
	x.SetContext(&ex.ctx.Context)

	// WithContext is the only way to set a request's context. Its copy does not leave this line.
	ex.req = *ex.req.WithContext(&ex.ctx)
	req := &ex.req
	req.Method = methodName(h.Method.InString(head))
	req.URL = &ex.url
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	switch {
	case h.Preface: // for handlers that take HTTP/2 over themselves
		req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/2.0", 2, 0
		req.ContentLength = -1
	case h.Minor == 0:
		req.Proto, req.ProtoMinor = "HTTP/1.0", 0
	}
	req.Host = ex.url.Host
	if req.Host == "" {
		req.Host = h.Host.InString(head)
	}
	req.RequestURI = h.Target.InString(head)
	req.RemoteAddr = c.Remote()
	req.Close = !h.KeepAlive
	req.TLS = c.TLS()
	ex.fields(h, head)

	ex.res.begin(ex, x, h)
	req.Body = http.NoBody
	switch h.Body {
	case httpparse.LengthBody:
		req.ContentLength = h.ContentLength
		ex.res.body = newBody(ex, x, h.ContentLength)
		req.Body = ex.res.body
	case httpparse.ChunkedBody:
		req.ContentLength = -1
		req.TransferEncoding = []string{"chunked"}
		ex.res.body = newBody(ex, x, -1)
		req.Body = ex.res.body
	}
	return ex, nil
}

// fields makes the header map. What net/http takes out of it is left out: Host, which is in req.Host, and what
// describes the chunked body.
func (ex *exchange) fields(h *httpparse.Request, head string) {
	req := &ex.req
	req.Header = make(http.Header, len(h.Fields))
	values := ex.values[:0]
	if len(h.Fields) > len(ex.values) {
		values = make([]string, 0, len(h.Fields))
	}
	chunked := h.Body == httpparse.ChunkedBody
	var seen [4]uint64 // a bit for each known name
	for i := range h.Fields {
		f := &h.Fields[i]
		value := f.Value.InString(head)
		switch f.ID {
		case httpparse.FieldHost, httpparse.FieldTransferEncoding:
			continue
		case httpparse.FieldTrailer:
			if chunked {
				announceTrailers(req, value)
				continue
			}
		}
		var name string
		repeated := false
		if f.ID != 0 {
			name = f.ID.String()
			word, bit := f.ID/64, uint64(1)<<(f.ID%64)
			repeated = seen[word]&bit != 0
			seen[word] |= bit
		} else {
			name = f.Name.InString(head)
			if !f.Canonical {
				name = textproto.CanonicalMIMEHeaderKey(name)
			}
			_, repeated = req.Header[name]
		}
		if repeated {
			req.Header[name] = append(req.Header[name], value)
			continue
		}
		// Each slice ends where its value does: appending to one must not write into the next.
		n := len(values)
		values = append(values, value)
		req.Header[name] = values[n : n+1 : n+1]
	}
	if pragma := req.Header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" {
		if _, ok := req.Header["Cache-Control"]; !ok {
			req.Header["Cache-Control"] = []string{"no-cache"} // RFC 9111, section 5.4
		}
	}
}

// announceTrailers notes the names of a Trailer field. Their values come after the body.
func announceTrailers(req *http.Request, value string) {
	for name := range strings.SplitSeq(value, ",") {
		if name = textproto.TrimString(name); name != "" {
			if req.Trailer == nil {
				req.Trailer = make(http.Header)
			}
			req.Trailer[textproto.CanonicalMIMEHeaderKey(name)] = nil
		}
	}
}

func methodName(m string) string {
	switch m {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "PATCH":
		return "PATCH"
	case "OPTIONS":
		return "OPTIONS"
	case "CONNECT":
		return "CONNECT"
	case "TRACE":
		return "TRACE"
	}
	return m
}
