package httpparse

import "errors"

// ErrNeedMore says that the bytes given are a good beginning and no more than that. Call again with more behind them.
var ErrNeedMore = errors.New("httpparse: need more bytes")

// Error is a rule that a peer has broken. There is one value for each rule, so errors can be compared with ==.
// Framing is lost after an Error: answer with Status, close, and read nothing more from that connection.
type Error struct {
	Status int    // the answer that the peer deserves
	Rule   string // short unique name, for logs and counters
	Reason string // the words that net/http would add to the status in public, or ""
	RFC    string // where the rule stands
}

func (e *Error) Error() string { return "httpparse: " + e.Rule + " (RFC " + e.RFC + ")" }

var rules []*Error

func rule(status int, name, reason, rfc string) *Error {
	e := &Error{status, name, reason, rfc}
	rules = append(rules, e)
	return e
}

// Rules returns every Error there is, in the order in which a message meets them.
func Rules() []*Error { return append([]*Error(nil), rules...) }

// Lines, in the head and in trailers alike.
var (
	ErrBareLF     = rule(400, "bare-lf", "", "9112, section 2.2")        // a line that ends without CR
	ErrBareCR     = rule(400, "bare-cr", "", "9112, section 2.2")        // a CR that is not the line's end
	ErrEmptyLine  = rule(400, "empty-line", "", "9112, section 2.2")     // a second empty line before the request line
	ErrHeadSize   = rule(431, "head-size", "", "6585, section 5")        // Limits.HeadBytesMax
	ErrFieldCount = rule(431, "field-count", "", "6585, section 5")      // Limits.FieldsMax
	ErrIndented   = rule(400, "indented-field", "", "9112, section 2.2") // whitespace between request line and first field
	ErrObsFold    = rule(400, "obs-fold", "", "9112, section 5.2")       // a field value continued on the next line
)

// The request line.
var (
	ErrMethod          = rule(400, "method", "", "9112, section 3.1")             // not a token
	ErrRequestLine     = rule(400, "request-line", "", "9112, section 3")         // fewer than three parts, as in HTTP/0.9
	ErrRequestSpace    = rule(400, "request-line-space", "", "9112, section 3")   // parts not divided by exactly one space
	ErrTargetByte      = rule(400, "target-byte", "", "9112, section 3.2")        // a control character
	ErrTargetFragment  = rule(400, "target-fragment", "", "9112, section 3.2")    // #: some readers stop there, some do not
	ErrTargetEscape    = rule(400, "target-escape", "", "3986, section 2.1")      // % without two hex digits in the path
	ErrTargetForm      = rule(400, "target-form", "", "9112, section 3.2")        // none of the four forms
	ErrTargetAuthority = rule(400, "target-authority", "", "9112, section 3.2.2") // no host, a bad host or a bad port
	ErrTargetUserinfo  = rule(400, "target-userinfo", "", "9110, section 4.2.4")  // user:password@
	ErrVersionSyntax   = rule(400, "version-syntax", "", "9112, section 2.3")     // not HTTP/DIGIT.DIGIT
	ErrVersion         = rule(505, "version", "unsupported protocol version", "9110, section 15.6.6")
)

// Field lines.
var (
	ErrFieldColon     = rule(400, "field-colon", "", "9112, section 5") // a field line without a colon
	ErrFieldNameEmpty = rule(400, "field-name-empty", "invalid header name", "9110, section 5.1")
	ErrFieldNameSpace = rule(400, "field-name-space", "invalid header name", "9112, section 5.1") // whitespace before the colon
	ErrFieldName      = rule(400, "field-name", "invalid header name", "9110, section 5.1")       // not a token
	ErrFieldValue     = rule(400, "field-value", "invalid header value", "9110, section 5.5")     // a control character other than HT
)

// What the fields say together.
var (
	ErrHostMissing     = rule(400, "host-missing", "missing required Host header", "9112, section 3.2")
	ErrHostRepeated    = rule(400, "host-repeated", "too many Host headers", "9112, section 3.2")
	ErrHost            = rule(400, "host", "malformed Host header", "9112, section 3.2")
	ErrLength          = rule(400, "content-length", "", "9112, section 6.3")          // not 1*DIGIT
	ErrLengthOverflow  = rule(400, "content-length-overflow", "", "9110, section 8.6") // above 2^63-1
	ErrLengthRepeated  = rule(400, "content-length-repeated", "", "9112, section 6.3") // equal values too
	ErrCoding          = rule(501, "transfer-encoding", "", "9112, section 6.1")       // anything but chunked alone
	ErrCodingRepeated  = rule(400, "transfer-encoding-repeated", "", "9112, section 6.3")
	ErrCodingHTTP10    = rule(400, "transfer-encoding-http10", "", "9112, section 6.1")
	ErrLengthAndCoding = rule(400, "content-length-and-transfer-encoding", "", "9112, section 6.3")
	ErrTrailerAnnounce = rule(400, "trailer-announce", "", "9110, section 6.5.1") // Trailer names a framing field
)

// The chunked transfer coding.
var (
	ErrChunkSize         = rule(400, "chunk-size", "", "9112, section 7.1")          // not 1*HEXDIG
	ErrChunkSizeEmpty    = rule(400, "chunk-size-empty", "", "9112, section 7.1")    // no digit at all
	ErrChunkSizeOverflow = rule(400, "chunk-size-overflow", "", "9112, section 7.1") // more than 16 digits, or above 2^63-1
	ErrChunkBareLF       = rule(400, "chunk-bare-lf", "", "9112, section 7.1")       // LF without CR ends no chunk-size line
	ErrChunkBareCR       = rule(400, "chunk-bare-cr", "", "9112, section 7.1")       // CR without LF
	ErrChunkExt          = rule(400, "chunk-ext", "", "9112, section 7.1.1")         // not name[=value]
	ErrChunkExtSize      = rule(400, "chunk-ext-size", "", "9112, section 7.1.1")    // ChunkLimits.ExtBytesMax
	ErrChunkOverhead     = rule(400, "chunk-overhead", "", "9112, section 7.1.1")    // ChunkLimits.OverheadMax
	ErrChunkEnd          = rule(400, "chunk-end", "", "9112, section 7.1")           // no CRLF where the chunk's data ends
	ErrTrailerSize       = rule(431, "trailer-size", "", "6585, section 5")          // ChunkLimits.TrailerBytesMax
	ErrTrailerForbidden  = rule(400, "trailer-forbidden", "", "9110, section 6.5.1") // framing, routing, authentication
)
