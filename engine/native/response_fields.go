package native

import (
	"strconv"

	"github.com/peregrine-http/peregrine/httpparse"
)

// fields are the response's field lines as they will be sent, and where each of them is.
type fields struct {
	lines []byte
	at    []fieldAt
	baked int // how many bytes of lines the route brought along; negative once one of them is gone

	hasType, hasDate, encoded bool
	connection                connOption
}

type fieldAt struct {
	from, to int
	name     int // its length
	id       httpparse.FieldID
}

// connOption is what a handler says in a Connection field.
type connOption uint8

const (
	connUnsaid connOption = iota
	connClose
	connUpgrade
)

func (f *fields) reset() {
	f.lines, f.at, f.baked = f.lines[:0], f.at[:0], 0
	f.hasType, f.hasDate, f.encoded, f.connection = false, false, false, connUnsaid
}

func (f *fields) shrink() {
	if cap(f.lines) > scratchKeep {
		f.lines, f.at = nil, nil
	}
}

// Set sets a field, in the place of all others of that name, in any case. It does nothing once the response has begun.
//
// It panics for a name that is not a token, since that is a mistake in the program; in a value, which may come from
// anywhere, control characters that would end the line become spaces (RFC 9110, section 5.5). Framing is not a handler's:
// Transfer-Encoding panics, Connection is understood with "close" or "upgrade", and Content-Length declares the length of
// the body.
func (w *Response) Set(name, value string) {
	w.compose()
	if w.sentHead {
		return
	}
	w.fields.del(name)
	w.add(name, value)
}

// Add adds a field beside others of that name; otherwise it is Set.
func (w *Response) Add(name, value string) {
	w.compose()
	if !w.sentHead {
		w.add(name, value)
	}
}

// Del removes all fields of that name.
func (w *Response) Del(name string) {
	w.compose()
	if w.sentHead {
		return
	}
	if equalFold(name, "Content-Length") {
		w.length = -1
	}
	w.fields.del(name)
}

// Get returns the value of the first field with that name that has been set, nil if there is none: a view, valid until
// fields are set or removed.
func (w *Response) Get(name string) []byte {
	w.compose()
	f := &w.fields
	for i := range f.at {
		a := &f.at[i]
		if line := f.lines[a.from:a.to]; a.name == len(name) && equalFold(line[:a.name], name) {
			return line[a.name+2 : len(line)-2]
		}
	}
	return nil
}

func (w *Response) add(name, value string) {
	f := &w.fields
	from := len(f.lines)
	f.lines = appendField(f.lines, name, value)
	id := httpparse.LookupField(f.lines[from : from+len(name)])
	switch id {
	case httpparse.FieldContentLength:
		f.lines = f.lines[:from]
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			panic("native: Content-Length " + strconv.Quote(value) + " is not a length")
		}
		w.length = n
		return
	case httpparse.FieldTransferEncoding:
		f.lines = f.lines[:from]
		panic("native: Transfer-Encoding is set by the server")
	case httpparse.FieldConnection:
		f.lines = f.lines[:from]
		switch {
		case equalFold(value, "close"):
			f.connection = connClose
		case equalFold(value, "upgrade"):
			f.connection = connUpgrade
		}
		return
	}
	f.at = append(f.at, fieldAt{from, len(f.lines), len(name), id})
	f.note(id)
}

func (f *fields) note(id httpparse.FieldID) {
	switch id {
	case httpparse.FieldContentType:
		f.hasType = true
	case httpparse.FieldDate:
		f.hasDate = true
	case httpparse.FieldContentEncoding:
		f.encoded = true
	}
}

// del removes the lines of a name.
func (f *fields) del(name string) {
	for i := 0; i < len(f.at); i++ {
		a := f.at[i]
		if a.name != len(name) || !equalFold(f.lines[a.from:a.from+a.name], name) {
			continue
		}
		if a.from < f.baked {
			f.baked = -1
		}
		n := a.to - a.from
		f.lines = append(f.lines[:a.from], f.lines[a.to:]...)
		f.at = append(f.at[:i], f.at[i+1:]...)
		for k := i; k < len(f.at); k++ {
			f.at[k].from -= n
			f.at[k].to -= n
		}
		i--
		switch a.id {
		case httpparse.FieldContentType:
			f.hasType = false
		case httpparse.FieldDate:
			f.hasDate = false
		case httpparse.FieldContentEncoding:
			f.encoded = false
		}
	}
	if equalFold(name, "Connection") {
		f.connection = connUnsaid
	}
}

// cut removes the first n bytes of lines, which are whole lines.
func (f *fields) cut(n int) {
	if n == 0 {
		return
	}
	k := 0
	for k < len(f.at) && f.at[k].from < n {
		k++
	}
	f.lines = append(f.lines[:0], f.lines[n:]...)
	f.at = append(f.at[:0], f.at[k:]...)
	f.hasType, f.hasDate, f.encoded = false, false, false
	for i := range f.at {
		a := &f.at[i]
		a.from -= n
		a.to -= n
		f.note(a.id)
	}
}

// appendField appends a field line. It panics for a bad name.
func appendField(out []byte, name, value string) []byte {
	checkName(name)
	out = append(out, name...)
	out = append(out, ": "...)
	return append(appendValue(out, value), "\r\n"...)
}

// appendValue appends v as one line, without white space around it (RFC 9110, section 5.5).
func appendValue(out []byte, v string) []byte {
	for len(v) > 0 && isSpace(v[0]) {
		v = v[1:]
	}
	for len(v) > 0 && isSpace(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	from := len(out)
	out = append(out, v...)
	for i := from; i < len(out); i++ {
		if c := out[i]; c < ' ' && c != '\t' || c == 0x7f {
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

func checkName(name string) {
	for i := range len(name) {
		if !tokenBytes[name[i]] {
			panic("native: " + strconv.Quote(name) + " is not a field name")
		}
	}
	if name == "" {
		panic("native: a field without a name")
	}
}
