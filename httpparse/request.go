package httpparse

// Form is the form of a request-target (RFC 9112, section 3.2).
type Form uint8

const (
	Origin    Form = iota // /path?query
	Absolute              // http://host/path?query
	Authority             // host:port, for CONNECT only
	Asterisk              // *, for OPTIONS only
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
	HeadBytesMax int // start-line and fields with their line ends; default 64 KiB
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
	Upgrade       bool  // Connection: upgrade together with an Upgrade field
}
