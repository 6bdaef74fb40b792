package native

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"

	"github.com/peregrine-http/peregrine/httpparse"
)

// Part is one part of a multipart body, as a stream: Read gives its bytes as they were sent, until the next part is asked for
// or the handler returns. It fails as Multipart does.
type Part struct {
	// Name is the form's field that the part is for; "" only outside of forms.
	Name string
	// FileName is the file's name at the client, without directories; "" for what is no file. It is the client's choice:
	// not a name to store something under.
	FileName string
	// Header has the part's header fields.
	Header textproto.MIMEHeader

	of   *parts
	part *multipart.Part
}

// Read implements io.Reader. It waits for the body.
func (p *Part) Read(b []byte) (int, error) {
	n, err := p.part.Read(b)
	if err != nil && err != io.EOF {
		err = p.of.refuse(err)
	}
	return n, err
}

// parts reads a multipart body.
type parts struct {
	reader *multipart.Reader
	source partSource
	isForm bool
	count  int
	last   *Part
	err    error // final; io.EOF at the end
	kept   *MultipartForm
}

// partSource is the body as the reader of parts gets it, which has a bound of 10 MiB for heads, and takes a body that ends
// behind a boundary for one that is complete. So no more than a head's length comes while a head is read; and the end is an
// error, behind a line's end that the last boundary need not have.
type partSource struct {
	r    *Request
	body io.Reader // nil at the end
	end  []byte    // what follows it
	left int       // of the head, or -1
	err  error
}

func (s *partSource) Read(b []byte) (int, error) {
	switch {
	case s.r == nil:
		return 0, ErrNoConn
	case s.left == 0:
		s.err = errPartHead
		return 0, s.err
	case s.left > 0 && len(b) > s.left:
		b = b[:s.left]
	}
	if s.body == nil {
		n := copy(b, s.end)
		if s.end = s.end[n:]; n == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		return n, nil
	}
	n, err := s.body.Read(b)
	if s.left > 0 {
		s.left -= n
	}
	switch err {
	case nil:
	case io.EOF:
		s.body, err = nil, nil
	default:
		s.err = err
	}
	return n, err
}

var (
	errNotMultipart = &Error{Status: 415, Message: "want a body of type multipart/form-data"}
	errBoundary     = &Error{Status: 400, Message: "multipart: Content-Type has no usable boundary"}
	errPartName     = &Error{Status: 400, Message: "multipart: a part has no usable name"}
	errPartHead     = &Error{Status: 413, Message: "multipart: the head of a part is too long"}
	errPartsMax     = &Error{Status: 413, Message: "multipart: too many parts"}
)

// Multipart yields the parts of a multipart body, of type multipart/form-data or multipart/mixed, as they come; nothing is
// kept of them. A part that has not been read to its end is skipped when the next is asked for. A loop that was left is
// taken up again by the next call.
//
// An error ends the loop, and knows its answer: 415 for another Content-Type, or none; 400 for one without boundary, for what
// is malformed or ends too early, and for parts of a form without a name; 413 above the body's bound, for a part with a head
// of more than PartHeaderBytesMax, or for more than PartsMax parts; those of BodyReader.
func (r *Request) Multipart() iter.Seq2[*Part, error] {
	p := r.parts()
	return func(yield func(*Part, error) bool) {
		for {
			part, err := p.next()
			if err == io.EOF || !yield(part, err) || err != nil {
				return
			}
		}
	}
}

func (r *Request) parts() *parts {
	f := r.form()
	if f.parts == nil {
		f.parts = &parts{}
		f.parts.err = f.parts.open(r)
	}
	return f.parts
}

// open finds the boundary (RFC 2046, section 5.1.1).
func (p *parts) open(r *Request) error {
	_, params, err := mime.ParseMediaType(string(r.find(httpparse.FieldContentType)))
	p.isForm = equalFold(r.ContentType(), "multipart/form-data")
	switch boundary := params["boundary"]; {
	case !p.isForm && !equalFold(r.ContentType(), "multipart/mixed"):
		return errNotMultipart
	case err != nil || boundary == "" || len(boundary) > 70 || strings.ContainsAny(boundary, "\r\n"):
		return errBoundary
	default:
		p.source = partSource{r: r, body: r.BodyReader(), end: crlf, left: -1}
		if r.body.fetched {
			whole, err := r.Body()
			if err != nil {
				return err
			}
			p.source.body = bytes.NewReader(whole)
		}
		p.reader = multipart.NewReader(&p.source, boundary)
	}
	return nil
}

// next returns the next part. Its error is final; io.EOF at the end.
func (p *parts) next() (*Part, error) {
	if p.err != nil {
		return nil, p.err
	}
	if p.last != nil {
		if _, err := io.Copy(io.Discard, p.last); err != nil {
			return nil, p.refuse(err)
		}
	}
	p.source.left = PartHeaderBytesMax
	part, err := p.reader.NextRawPart()
	p.source.left = -1
	if err != nil {
		return nil, p.refuse(err)
	}
	if p.count++; p.count > PartsMax {
		return nil, p.refuse(errPartsMax)
	}
	if headerBytes(part.Header) > PartHeaderBytesMax {
		return nil, p.refuse(errPartHead)
	}
	p.last = &Part{Header: part.Header, of: p, part: part}
	if err := p.last.name(); err != nil && p.isForm {
		return nil, p.refuse(err)
	}
	return p.last, nil
}

// headerBytes returns how long fields are, about as they were sent.
func headerBytes(h textproto.MIMEHeader) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(": \r\n") + len(v)
		}
	}
	return n
}

// name finds the part's names (RFC 7578, section 4.2).
func (p *Part) name() error {
	values := p.Header["Content-Disposition"]
	if len(values) != 1 {
		return errPartName // two could be understood in two ways
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil || kind != "form-data" || params["name"] == "" {
		return errPartName
	}
	file := params["filename"]
	file = file[strings.LastIndexAny(file, `/\`)+1:]
	if file == "." || file == ".." || strings.ContainsRune(file, 0) {
		return errPartName
	}
	p.Name, p.FileName = params["name"], file
	return nil
}

// refuse makes an error final, and the client's if it is about what the client has sent.
func (p *parts) refuse(err error) error {
	var known *Error
	switch {
	case p.err != nil:
	case err == io.EOF: // in the place where it belongs
		p.err = err
	case p.source.err != nil:
		p.err = p.source.err
	case errors.As(err, &known), errors.Is(err, ErrNoConn):
		p.err = err
	case errors.Is(err, io.ErrUnexpectedEOF):
		p.err = &Error{Status: 400, Message: "multipart: the body ends too early", Err: err}
	default:
		p.err = &Error{Status: 400, Message: "multipart: the body is malformed", Err: err}
	}
	if r := p.source.r; p.err != io.EOF && r != nil && r.x != nil && !r.x.BodyDone() {
		r.x.SetClose(true) // nobody is going to read the rest
	}
	return p.err
}

// end keeps parts that outlive the handler from reading what belongs to another request, and removes what was stored.
func (p *parts) end() {
	p.source.r, p.source.body = nil, nil
	if p.kept != nil {
		p.kept.close()
	}
}
