package httpparse

// Form is the form of a request-target (RFC 9112, section 3.2).
type Form uint8

const (
	Origin    Form = iota // /path?query
	Absolute              // http://host/path?query
	Authority             // host:port, for CONNECT only
	Asterisk              // *, meant for OPTIONS
)

// BodyKind says how the request's body is framed (RFC 9112, section 6.3).
type BodyKind uint8

const (
	NoBody      BodyKind = iota
	LengthBody           // Request.ContentLength bytes, at least 1
	ChunkedBody          // chunked transfer coding
)

// Field is one field line. ID is the known name's number, or 0.
type Field struct {
	Name, Value Span
	ID          FieldID
	// Canonical: the name is spelt as net/textproto's canonical form would spell it.
	Canonical bool
}

// Limits bound a head. Zero fields mean the defaults.
type Limits struct {
	HeadBytesMax int // start-line and fields with their line ends; default 64 KiB, at most 1 GiB
	FieldsMax    int // field lines; default 256; negative: bounded by HeadBytesMax alone
}

// Request is a request head. The zero value is ready; Reset makes it ready again and keeps the field slice.
// All spans are relative to the first byte given to Parse.
type Request struct {
	Limits Limits

	Method   Span
	Target   Span // the request-target as sent
	Form     Form
	Scheme   Span  // Absolute only
	Host     Span  // the target's authority if it has one (Absolute, Authority), else the Host field's value
	Path     Span  // undecoded; empty for Authority; "*" for Asterisk; may be empty for Absolute
	Query    Span  // undecoded, without the question mark
	HasQuery bool  // there was a question mark
	Minor    uint8 // HTTP/1.Minor: 0 or 1

	Fields []Field // in the order received, Host included

	Body          BodyKind
	ContentLength int64 // the Content-Length's value; -1 if there was none (also with ChunkedBody)
	KeepAlive     bool  // the connection may persist, by version and Connection field (RFC 9112, section 9.3)
	ConnClose     bool  // Connection: close was sent
	Expect100     bool  // Expect: 100-continue, on HTTP/1.1
	ExpectOther   bool  // an expectation that is not 100-continue
	Upgrade       bool  // Connection: upgrade together with an Upgrade field, on HTTP/1.1
	Preface       bool  // "PRI * HTTP/2.0", without fields: how an HTTP/2 client begins (RFC 9113, section 3.4)

	cursor
	state uint8
	says  uint16
}

// How far a Request has come.
const (
	atStart  uint8 = iota // nothing read
	atLine                // an empty line may have been skipped
	atFields              // the request line is done
	atEnd                 // Parse has given its verdict
)

// Defaults and the bound that offsets in a Span impose.
const (
	headBytesDefault = 64 << 10
	headBytesMost    = 1 << 30
	fieldsDefault    = 256
)

// Reset makes r ready for the next head. It keeps Limits and the memory of Fields.
func (r *Request) Reset() {
	r.Method, r.Target, r.Scheme, r.Host, r.Path, r.Query = Span{}, Span{}, Span{}, Span{}, Span{}, Span{}
	r.Form, r.HasQuery, r.Minor = Origin, false, 0
	r.Fields = r.Fields[:0]
	r.Body, r.ContentLength, r.KeepAlive, r.ConnClose = NoBody, -1, false, false
	r.Expect100, r.ExpectOther, r.Upgrade, r.Preface = false, false, false, false
	r.cursor, r.state, r.says = cursor{}, atStart, 0
}

// Parse reads one head from the front of b. It returns its length and nil; or 0 and ErrNeedMore, after which it is
// called again with the same bytes (they may have moved) and more behind them; or 0 and an *Error. One CRLF before the
// request line is skipped and counted. What is behind the head is not looked at.
//
// Each byte is read a bounded number of times, however the head arrives. A line that breaks a rule is refused when its
// end has arrived; a head that passes a limit is refused when the limit is reached. After a head or an *Error, the next
// call begins anew, as after Reset.
//
// The spans in r stay true until the next call of Parse or Reset.
func (r *Request) Parse(b []byte) (n int, err error) {
	if r.state == atEnd || r.state == atStart {
		r.Reset()
		r.state = atLine
	}
	sizeMax := r.Limits.HeadBytesMax
	if sizeMax <= 0 {
		sizeMax = headBytesDefault
	}
	sizeMax = min(sizeMax, headBytesMost)
	if !r.resume(b) {
		if err = r.more(b, sizeMax, ErrHeadSize); err != ErrNeedMore {
			r.state = atEnd
		}
		return 0, err
	}
	n, err = r.parse(b, sizeMax)
	if err != ErrNeedMore {
		r.state = atEnd
	}
	return n, err
}

func (r *Request) parse(b []byte, sizeMax int) (n int, err error) {
	i := r.next
	if r.state == atLine {
		if i, err = r.requestLine(b, sizeMax); err != nil {
			return 0, err
		}
		r.state = atFields
	}
	fieldsMax := r.Limits.FieldsMax
	if fieldsMax == 0 {
		fieldsMax = fieldsDefault
	}
	for {
		if i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
			break
		}
		k := len(r.Fields)
		if k == cap(r.Fields) {
			r.Fields = append(make([]Field, 0, max(16, 2*k)), r.Fields...)
		}
		f := &r.Fields[:k+1][k]
		next, err := r.field(b, i, sizeMax, ErrHeadSize, k == 0, f)
		if err != nil {
			return 0, err
		}
		if k == fieldsMax {
			return 0, ErrFieldCount
		}
		r.Fields = r.Fields[:k+1]
		if f.ID-1 < lastMeaningful { // not 0 either
			if err := r.meaning(b, f); err != nil {
				return 0, err
			}
		}
		i = next
	}
	if i+2 > sizeMax {
		return 0, ErrHeadSize
	}
	if err := r.conclude(b); err != nil {
		return 0, err
	}
	return i + 2, nil
}

func (r *Request) requestLine(b []byte, sizeMax int) (next int, err error) {
	i := 0
	if len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		i = 2
	}
	next = r.quickRequestLine(b, i)
	if next == 0 {
		end, err := r.line(b, i, sizeMax, ErrHeadSize)
		if err != nil {
			return 0, err
		}
		return end + 2, r.carefulRequestLine(b, i, end)
	}
	if next > sizeMax {
		return 0, ErrHeadSize
	}
	return next, nil
}

// Find returns the value of the first field with that number, a view of b, which are the bytes given to Parse. It is
// valid as long as b is.
func (r *Request) Find(b []byte, id FieldID) (value []byte, ok bool) {
	for i := range r.Fields {
		if r.Fields[i].ID == id {
			return r.Fields[i].Value.In(b), true
		}
	}
	return nil, false
}

// FindName is Find by name, in any case.
func (r *Request) FindName(b []byte, name string) (value []byte, ok bool) {
	for i := range r.Fields {
		if f := &r.Fields[i]; int(f.Name.Len) == len(name) && equalFold(f.Name.In(b), name) {
			return f.Value.In(b), true
		}
	}
	return nil, false
}
