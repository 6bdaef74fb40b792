package http2

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// appendHead appends the head of r as HTTP/1.1. What HTTP/2 lets through and HTTP/1 would read as something else is an
// error: a space or a line's end in the method or the target (RFC 9113, section 10.3), and a target with a host, which would
// count for more than the one of the request (section 8.3.1).
func appendHead(b []byte, r *http.Request) ([]byte, error) {
	if !httpguts.ValidHeaderFieldName(r.Method) {
		return nil, fmt.Errorf("method %q", r.Method)
	}
	if i := strings.IndexFunc(r.RequestURI, func(c rune) bool { return c <= ' ' || c == 0x7f }); i >= 0 || r.RequestURI == "" {
		return nil, fmt.Errorf("path %q", r.RequestURI)
	}
	if r.Method != "CONNECT" && r.RequestURI[0] != '/' && r.RequestURI != "*" {
		return nil, fmt.Errorf("path %q", r.RequestURI)
	}
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.RequestURI...)
	b = append(b, " HTTP/1.1\r\n"...)
	b, err := appendField(b, "Host", r.Host)
	for name, values := range r.Header {
		if own(http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, value := range values {
			if err == nil {
				b, err = appendField(b, name, value)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	switch {
	case !hasBody(r):
		if r.Header.Get("Content-Length") != "" {
			b = append(b, "Content-Length: 0\r\n"...)
		}
	case chunked(r):
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		if len(r.Trailer) > 0 {
			names := slices.Sorted(maps.Keys(r.Trailer))
			if b, err = appendField(b, "Trailer", strings.Join(names, ",")); err != nil {
				return nil, err
			}
		}
	default:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.ContentLength, 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "Connection: close\r\n\r\n"...), nil
}

func appendField(b []byte, name, value string) ([]byte, error) {
	if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
		return nil, fmt.Errorf("field %q", name)
	}
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...), nil
}

func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// chunked reports whether r's body is sent in chunks: it has no known length, or trailers behind it.
func chunked(r *http.Request) bool { return r.ContentLength < 0 || len(r.Trailer) > 0 }

// own reports whether a field is about one connection (RFC 9110, section 7.6.1), or about the body's framing, so that each
// side has its own.
func own(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade", "Http2-Settings",
		"Content-Length", "Host", "Trailer", "Expect":
		return true
	}
	return false
}

// bodyBuffer is the size of the buffers for bodies, in bytes: a frame of HTTP/2 at its usual limit, and a chunk's lines.
const bodyBuffer = 16<<10 + 32

// sendBody writes the body of r, as its head has said. A body that fails ends the connection, as an HTTP/1 client's would.
func (s *stream) sendBody(r *http.Request) {
	if !chunked(r) {
		if n, err := io.Copy(s.peer, r.Body); err != nil || n != r.ContentLength {
			s.cancel()
		}
		return
	}
	const room = 8 // for the chunk's size and a line's end
	buf := make([]byte, bodyBuffer)
	for {
		n, err := r.Body.Read(buf[room : len(buf)-2])
		if n > 0 {
			size := append(strconv.AppendInt(make([]byte, 0, room), int64(n), 16), "\r\n"...)
			chunk := buf[room-len(size) : room+n]
			copy(chunk, size)
			if _, err := s.peer.Write(append(chunk, "\r\n"...)); err != nil {
				return
			}
		}
		switch err {
		case nil:
		case io.EOF:
			s.sendTrailers(r)
			return
		default:
			s.cancel()
			return
		}
	}
}

// sendTrailers ends a chunked body.
func (s *stream) sendTrailers(r *http.Request) {
	b := []byte("0\r\n")
	for _, name := range slices.Sorted(maps.Keys(r.Trailer)) {
		for _, value := range r.Trailer[name] {
			var err error
			if b, err = appendField(b, name, value); err != nil {
				s.cancel()
				return
			}
		}
	}
	s.peer.Write(append(b, "\r\n"...))
}
