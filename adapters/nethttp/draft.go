package nethttp

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// draftSize is how much of a body is collected before the head is made: what is not longer gets a Content-Length.
// It is net/http's number; clients see it.
const draftSize = 2048

// draft is the part of a response that has not been decided yet: the fields as WriteHeader found them, already written
// out, since the handler may change its map afterwards; and the body's first bytes.
type draft struct {
	fields []byte
	facts  fieldFacts
	n      int // bytes in body
	body   [draftSize]byte
}

// fieldFacts is what making the head needs to know about the fields.
type fieldFacts struct {
	spans      [4]fieldSpan // in the order of the names, which is the order in fields
	hasType    bool         // also with an empty list of values, which asks for no Content-Type at all
	hasLength  bool
	hasDate    bool
	hasConn    bool
	encoded    bool   // Content-Encoding is not empty
	trailers   bool   // there is a Trailer field, or a name with http.TrailerPrefix
	length     string // the first value of Content-Length
	connection string // the first value of Connection
	coding     string // the first value of Transfer-Encoding
	upgrade    bool   // Upgrade is not empty, and Connection says so
}

type fieldSpan struct{ from, to int }

// The fields that the head may have to leave out.
const (
	spanConnection = iota
	spanLength
	spanType
	spanCoding
)

var drafts = sync.Pool{New: func() any { return &draft{fields: make([]byte, 0, 512)} }}

// fieldsKeep bounds the space for fields that a pooled draft keeps, in bytes.
const fieldsKeep = 16 << 10

func (w *response) getDraft() *draft {
	if w.draft == nil {
		w.draft = drafts.Get().(*draft)
	}
	return w.draft
}

func (w *response) freeDraft() {
	if d := w.draft; d != nil {
		w.draft = nil
		d.n = 0
		d.resetFields()
		if cap(d.fields) <= fieldsKeep {
			drafts.Put(d)
		}
	}
}

func (d *draft) resetFields() {
	d.fields = d.fields[:0]
	d.facts = fieldFacts{}
}

// render writes out h in the order of its names.
func (d *draft) render(h http.Header) {
	switch len(h) {
	case 0:
	case 1:
		for name, values := range h {
			d.field(name, values)
		}
	default:
		var room [16]string
		names := room[:0]
		for name := range h {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			d.field(name, h[name])
		}
	}
	f := &d.facts
	if f.upgrade {
		f.upgrade = false
		for _, v := range h["Connection"] {
			f.upgrade = f.upgrade || hasToken(v, "upgrade")
		}
	}
}

func (d *draft) field(name string, values []string) {
	if strings.HasPrefix(name, http.TrailerPrefix) {
		d.facts.trailers = true
		return
	}
	if !validFieldName(name) {
		return // no way to tell the handler; net/http drops it too
	}
	span := d.note(name, values)
	from := len(d.fields)
	switch {
	case span < 0 && isFraming(name):
		return // written in a way that we would overlook and a client would not
	case span == spanLength && len(values) > 1:
		values = values[:1]
	}
	for _, v := range values {
		d.fields = append(d.fields, name...)
		d.fields = append(d.fields, ": "...)
		d.fields = appendFieldValue(d.fields, v)
		d.fields = append(d.fields, "\r\n"...)
	}
	if span >= 0 {
		d.facts.spans[span] = fieldSpan{from, len(d.fields)}
	}
}

// note keeps what making the head needs to know. It returns the number of the field's span, or -1.
func (d *draft) note(name string, values []string) int {
	f := &d.facts
	first := ""
	if len(values) > 0 {
		first = values[0]
	}
	switch name {
	case "Content-Type":
		f.hasType = true
		return spanType
	case "Content-Length":
		f.hasLength, f.length = true, first
		return spanLength
	case "Connection":
		f.hasConn, f.connection = true, first
		return spanConnection
	case "Transfer-Encoding":
		f.coding = first
		return spanCoding
	case "Content-Encoding":
		f.encoded = first != ""
	case "Date":
		f.hasDate = true
	case "Trailer":
		f.trailers = f.trailers || len(values) > 0
	case "Upgrade":
		f.upgrade = first != ""
	}
	return -1
}

// appendFields appends the fields to out, without those whose spans are named, in rising order.
func (d *draft) appendFields(out []byte, without ...int) []byte {
	at := 0
	for _, span := range without {
		if s := d.facts.spans[span]; s.to > s.from {
			out = append(out, d.fields[at:s.from]...)
			at = s.to
		}
	}
	return append(out, d.fields[at:]...)
}

// appendFieldValue appends v as one line, without white space around it. Control characters that could end the line,
// or that other readers take for its end, become spaces (RFC 9110, section 5.5).
func appendFieldValue(out []byte, v string) []byte {
	for len(v) > 0 && isSpace(v[0]) {
		v = v[1:]
	}
	for len(v) > 0 && isSpace(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	start := len(out)
	out = append(out, v...)
	for i := start; i < len(out); i++ {
		if c := out[i]; c == '\r' || c == '\n' || c == 0 {
			out[i] = ' '
		}
	}
	return out
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// tokenBytes has the bytes of a token (RFC 9110, section 5.6.2).
var tokenBytes = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

func validFieldName(name string) bool {
	for i := range len(name) {
		if !tokenBytes[name[i]] {
			return false
		}
	}
	return name != ""
}

// isFraming reports whether name frames the message in some spelling.
func isFraming(name string) bool {
	return len(name) == len("Content-Length") && strings.EqualFold(name, "Content-Length") ||
		len(name) == len("Transfer-Encoding") && strings.EqualFold(name, "Transfer-Encoding")
}

// hasToken reports whether token, in lower case, is an element of v, a comma-separated list.
func hasToken(v, token string) bool {
	if len(v) < len(token) {
		return false
	}
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		if strings.EqualFold(part, token) {
			return true
		}
	}
	return false
}
