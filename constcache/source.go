package constcache

import (
	"fmt"
	"strings"
	"time"
)

// Source is what an answer is made of.
type Source struct {
	// Status is a final status code, 200 to 999, but not 206 or 304: what those say depends on the request.
	Status int
	// Fields are sent in this order. Those that frame the message or speak of the connection are not allowed here,
	// nor is Date: Append writes them.
	Fields []Field
	// Body is the content; it must be empty for 204 and 205. Make copies it.
	Body []byte
}

// Field is one field line of a response.
type Field struct{ Name, Value string }

// Encoder makes one content coding of a body (RFC 9110, section 8.4.1).
type Encoder struct {
	// Name is the coding's, as in "gzip".
	Name string
	// Encode returns the body in that coding. It must neither change nor keep the body.
	Encode func(body []byte) ([]byte, error)
}

// EncodersMax bounds the encoders of an answer: Make refuses more.
const EncodersMax = 8

// facts is what the fields of a source say to us.
type facts struct {
	tag      string    // ETag, or ""
	modified string    // Last-Modified, or ""
	since    time.Time // the same as a time
	encoded  bool      // there is a Content-Encoding
	varies   bool      // Vary names Accept-Encoding, or everything
}

// check reads the source and finds what must not be sent.
func (s *Source) check() (f facts, err error) {
	switch {
	case s.Status < 200 || s.Status > 999:
		return f, fmt.Errorf("constcache: %d is not a final status code", s.Status)
	case s.Status == 206 || s.Status == 304:
		return f, fmt.Errorf("constcache: status %d answers one request and cannot be constant", s.Status)
	case (s.Status == 204 || s.Status == 205) && len(s.Body) > 0:
		return f, fmt.Errorf("constcache: an answer with status %d has no body", s.Status)
	}
	for i := range s.Fields {
		name, value := s.Fields[i].Name, s.Fields[i].Value
		if !isToken(name) {
			return f, fmt.Errorf("constcache: field %d: %q is not a field name", i, name)
		}
		if !isFieldValue(value) {
			return f, fmt.Errorf("constcache: field %s: control character in value %q", name, value)
		}
		value = strings.Trim(value, " \t")
		switch strings.ToLower(name) {
		case "connection", "content-length", "date", "keep-alive", "proxy-connection", "trailer", "transfer-encoding", "upgrade":
			return f, fmt.Errorf("constcache: field %s is not the source's to set", name)
		case "content-range":
			return f, fmt.Errorf("constcache: field %s: ranges answer one request and cannot be constant", name)
		case "etag":
			if f.tag != "" {
				return f, fmt.Errorf("constcache: field %s is repeated", name)
			}
			if tag, rest := scanTag(value); len(tag) == 0 || len(rest) > 0 {
				return f, fmt.Errorf("constcache: field %s: %q is not an entity tag; the quotes are part of it", name, value)
			}
			f.tag = value
		case "last-modified":
			if f.modified != "" {
				return f, fmt.Errorf("constcache: field %s is repeated", name)
			}
			if f.since, err = time.Parse(dateLayout, value); err != nil {
				return f, fmt.Errorf("constcache: field %s: %q is not a date such as %q", name, value, dateLayout)
			}
			f.modified = value
		case "content-encoding":
			f.encoded = f.encoded || value != "" && !strings.EqualFold(value, "identity")
		case "vary":
			for element := range strings.SplitSeq(value, ",") {
				element = strings.Trim(element, " \t")
				f.varies = f.varies || element == "*" || strings.EqualFold(element, "Accept-Encoding")
			}
		}
	}
	return f, nil
}

func checkEncoders(encoders []Encoder) error {
	if len(encoders) > EncodersMax {
		return fmt.Errorf("constcache: %d encoders; %d are allowed", len(encoders), EncodersMax)
	}
	for i, e := range encoders {
		if !isToken(e.Name) || e.Name == "*" || strings.EqualFold(e.Name, "identity") || e.Encode == nil {
			return fmt.Errorf("constcache: encoder %d: %q is not the name of a coding, or there is no function", i, e.Name)
		}
		for _, other := range encoders[:i] {
			if strings.EqualFold(e.Name, other.Name) {
				return fmt.Errorf("constcache: encoder %d: %q is repeated", i, e.Name)
			}
		}
	}
	return nil
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s may be sent as a field value (RFC 9110, section 5.5): no control character but HT. A CR,
// LF or NUL would let whoever chose the value write the rest of the response.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
