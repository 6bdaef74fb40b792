package native

import (
	"bytes"
	"iter"
)

// forms is what a request's body has been read as.
type forms struct {
	pairs query // of a form that is encoded as a query is
	err   error
	parts *parts // of a multipart body; made for each request
}

func (r *Request) form() *forms {
	if r.forms == nil {
		r.forms = new(forms)
	}
	return r.forms
}

func (f *forms) end() {
	f.pairs.end()
	f.err = nil
	if f.parts != nil {
		f.parts.end()
		f.parts = nil
	}
}

var (
	errNotForm   = &Error{Status: 415, Message: "want a body of type application/x-www-form-urlencoded"}
	errFormPairs = &Error{Status: 413, Message: "the form has too many fields"}
)

// ParseForm reads the body as a form, of type application/x-www-form-urlencoded, and says what is wrong with it; then Form and
// FormAll give what it has. It waits for the body as Body does. Later calls return the same.
//
// The errors know their answer: 415 for another Content-Type, or none; 413 above the body's bound or for more than
// FormPairsMax fields; those of Body. Fields that net/url would refuse (a bad escape, a semicolon) are left out, as in a
// query.
func (r *Request) ParseForm() error {
	f := r.form()
	if f.err == nil && !f.pairs.parsed {
		f.err = f.parse(r)
	}
	return f.err
}

func (f *forms) parse(r *Request) error {
	if !equalFold(r.ContentType(), "application/x-www-form-urlencoded") {
		return errNotForm
	}
	body, err := r.Body()
	if err != nil {
		return err
	}
	if bytes.Count(body, ampersand) >= FormPairsMax {
		return errFormPairs
	}
	f.pairs.parse(body)
	return nil
}

// Form returns the first value of a field of the form in the body, decoded; nil if there is none, or if the body is not such
// a form, of which ParseForm says why. The view is valid until the handler returns. For multipart bodies there is
// MultipartForm.
func (r *Request) Form(name string) []byte {
	for n, v := range r.FormAll() {
		if string(n) == name {
			return v
		}
	}
	return nil
}

// FormAll yields all fields of the form in the body, names and values decoded, in the order in which they were sent: nothing
// if the body is not such a form. The views are valid until the handler returns.
func (r *Request) FormAll() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		if r.ParseForm() != nil {
			return
		}
		for _, p := range r.forms.pairs.pairs {
			if !yield(p.name, p.value) {
				return
			}
		}
	}
}
