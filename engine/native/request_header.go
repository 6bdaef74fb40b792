package native

import (
	"iter"
	"strings"

	"github.com/peregrine-http/peregrine/httpparse"
)

// Header returns the value of the first field with that name, in any case; nil if there is none. A field that is there
// and empty gives a slice that is not nil.
func (r *Request) Header(name string) []byte {
	for i := range r.added {
		if strings.EqualFold(r.added[i].name, name) {
			return []byte(r.added[i].value)
		}
	}
	v, _ := r.head.FindName(r.bytes, name)
	return v
}

// find is Header for the names that the parser knows, where no global header can be meant.
func (r *Request) find(id httpparse.FieldID) []byte {
	v, _ := r.head.Find(r.bytes, id)
	return v
}

// Headers yields all fields, names and values, in the order in which they were sent; those of RequestHeader first.
func (r *Request) Headers() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for _, f := range r.added {
			if !yield([]byte(f.name), []byte(f.value)) {
				return
			}
		}
		for i := range r.head.Fields {
			f := &r.head.Fields[i]
			if !yield(f.Name.In(r.bytes), f.Value.In(r.bytes)) {
				return
			}
		}
	}
}

// HeaderValues yields the values of all fields with that name, in any case, in their order.
func (r *Request) HeaderValues(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for n, v := range r.Headers() {
			if equalFold(n, name) && !yield(v) {
				return
			}
		}
	}
}

// ContentType returns the media type of the body, without its parameters and as it was sent.
func (r *Request) ContentType() []byte {
	v := r.find(httpparse.FieldContentType)
	for i, c := range v {
		if c == ';' || c == ' ' || c == '\t' {
			return v[:i]
		}
	}
	return v
}

// equalFold compares ASCII letters without their case and all else as it is.
func equalFold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}
