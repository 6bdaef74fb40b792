package httpparse

import "errors"

// Done says that a chunked body, its trailer section included, has been consumed.
var Done = errors.New("httpparse: end of chunked body")

// ChunkLimits bound what a chunked body carries besides data. Zero fields mean the defaults.
type ChunkLimits struct {
	ExtBytesMax     int // extensions of one chunk, from the semicolon to the CRLF; default 4 KiB
	OverheadMax     int // bytes of framing beyond 16 a chunk and twice its data, summed; default 16 KiB
	TrailerBytesMax int // trailer section with its final CRLF; default 16 KiB
}

const (
	extBytesDefault     = 4 << 10
	overheadDefault     = 16 << 10
	trailerBytesDefault = 16 << 10
)

// Chunked decodes the chunked transfer coding (RFC 9112, section 7.1). The zero value is ready.
//
// The size line and the CRLF after the data go through a state machine that takes each byte once; nothing is skipped
// until it has been compared with what must stand there. A reader that looks for "the next LF" instead, or that takes
// any two bytes for the CRLF, can be made to see chunks where another one sees data.
type Chunked struct {
	Limits ChunkLimits

	// Trailer holds the trailer fields once Next has returned Done. Their spans are relative to the first byte of the b given
	// to that last call, and stay true until the next call of Reset.
	Trailer []Field

	cursor        // of the trailer section, relative to its first byte
	left   uint64 // of the size being read, then of the data
	state  chunkState
	digits uint8
	ext    int // bytes of the extensions on this line
	excess int // see account
	err    error
}

type chunkState uint8

const (
	inSize      chunkState = iota // → beforeExt, sizeLF
	beforeExt                     // behind a semicolon → inExt
	inExt                         // → afterExt, beforeValue, beforeExt, sizeLF
	afterExt                      // whitespace behind a name → beforeValue, beforeExt
	beforeValue                   // behind an equals sign → inValue, inQuoted
	inValue                       // → afterValue, beforeExt, sizeLF
	inQuoted                      // → inEscape, afterQuoted
	inEscape                      // behind a backslash → inQuoted
	afterQuoted                   // → afterValue, beforeExt, sizeLF
	afterValue                    // whitespace behind a value → beforeExt
	sizeLF                        // → inData, inTrailer
	inData                        // → dataCR
	dataCR                        // → dataLF
	dataLF                        // → inSize
	inTrailer                     // → chunkEnd
	chunkEnd                      // Done or an *Error was returned, and will be again
)

// Reset makes c ready for the next body. It keeps Limits and the memory of Trailer.
func (c *Chunked) Reset() { *c = Chunked{Limits: c.Limits, Trailer: c.Trailer[:0]} }

// Next decodes from the front of b. It has consumed n bytes, which the caller drops before the next call, and returns
//
//   - data and nil: the next piece of the body, never empty, perhaps a part of a chunk. It is a view of b[:n], valid as long
//     as those bytes are left alone;
//   - ErrNeedMore: call again with what is left of b and more behind it. n may be positive. The trailer section is consumed
//     in one piece: until all of it is there, n stops in front of it;
//   - Done: the body has ended with b[:n], what follows belongs to the next message. Trailer is set;
//   - an *Error: framing is lost.
//
// Each byte is read a bounded number of times, however the body arrives.
func (c *Chunked) Next(b []byte) (data []byte, n int, err error) {
	data, n, err = c.decode(b)
	if err != nil && err != ErrNeedMore {
		c.state, c.err = chunkEnd, err
	}
	return data, n, err
}

func (c *Chunked) decode(b []byte) (data []byte, n int, err error) {
	for i := 0; i < len(b); {
		switch c.state {
		case inData:
			k := len(b) - i
			if c.left <= uint64(k) {
				k = int(c.left)
				c.state = dataCR
			}
			c.left -= uint64(k)
			return b[i : i+k : i+k], i + k, nil
		case inTrailer:
			n, err = c.trailer(b[i:])
			if err == Done {
				for k := range c.Trailer {
					c.Trailer[k].Name.Off += uint32(i)
					c.Trailer[k].Value.Off += uint32(i)
				}
			}
			return nil, i + n, err
		case chunkEnd:
			return nil, i, c.err
		}
		if err = c.step(b[i]); err != nil {
			return nil, i, err
		}
		i++
	}
	if c.state == chunkEnd {
		return nil, 0, c.err
	}
	return nil, len(b), ErrNeedMore
}

// step takes one byte of framing.
func (c *Chunked) step(b byte) error {
	switch c.state {
	case inSize:
		return c.size(b)
	case sizeLF:
		if b != '\n' {
			return ErrChunkBareCR
		}
		return c.account()
	case dataCR:
		if b != '\r' {
			return ErrChunkEnd
		}
		c.state = dataLF
		return nil
	case dataLF:
		if b != '\n' {
			return ErrChunkEnd
		}
		c.state, c.digits, c.ext = inSize, 0, 0
		return nil
	}
	return c.extension(b)
}

// size takes a byte of 1*HEXDIG or the one that ends it.
func (c *Chunked) size(b byte) error {
	var d byte
	switch {
	case isDigit(b):
		d = b - '0'
	case isHex(b):
		d = b | 0x20 - 'a' + 10
	case b == '\n':
		return ErrChunkBareLF
	case c.digits == 0 && (b == '\r' || b == ';'):
		return ErrChunkSizeEmpty
	case b == '\r':
		c.state = sizeLF
		return nil
	case b == ';':
		c.state = beforeExt
		return nil
	default:
		// Whitespace is refused too: the RFC has it only inside the extension, and some readers take it for the end.
		return ErrChunkSize
	}
	// Sixteen digits fill 64 bits; leading zeros count, or a peer could send them for ever.
	if c.digits++; c.digits > 16 {
		return ErrChunkSizeOverflow
	}
	if c.left = c.left<<4 | uint64(d); c.left > 1<<63-1 {
		return ErrChunkSizeOverflow
	}
	return nil
}

// extension takes a byte of *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) behind the first semicolon.
// What it says is dropped, but it must be what it claims to be: a line end in a quoted string is where readers part.
func (c *Chunked) extension(b byte) error {
	extMax := c.Limits.ExtBytesMax
	if extMax <= 0 {
		extMax = extBytesDefault
	}
	if c.ext++; c.ext > extMax {
		return ErrChunkExtSize
	}
	next, ok := afterExtByte(c.state, b)
	switch {
	case ok:
		c.state = next
		return nil
	case b == '\n':
		return ErrChunkBareLF
	}
	return ErrChunkExt
}

// afterExtByte returns the state that b leads to from s, false if b may not stand there.
func afterExtByte(s chunkState, b byte) (next chunkState, ok bool) {
	switch s {
	case inQuoted:
		switch b {
		case '"':
			return afterQuoted, true
		case '\\':
			return inEscape, true
		}
		return inQuoted, class[b]&text != 0
	case inEscape:
		return inQuoted, class[b]&text != 0
	}
	switch {
	case class[b]&token != 0:
		switch s {
		case beforeExt, inExt:
			return inExt, true
		case beforeValue, inValue:
			return inValue, true
		}
	case b == ' ' || b == '\t':
		switch s {
		case inExt:
			return afterExt, true
		case inValue, afterQuoted:
			return afterValue, true
		}
		return s, true
	case b == '=':
		return beforeValue, s == inExt || s == afterExt
	case b == '"':
		return inQuoted, s == beforeValue
	case b == ';':
		return beforeExt, s != beforeExt && s != beforeValue
	case b == '\r':
		return sizeLF, s == inExt || s == inValue || s == afterQuoted
	}
	return s, false
}

// account is called when the size line is complete. Who sends one byte a chunk sends five bytes of framing with it, and
// that may be honest streaming; who sends a long extension with each byte makes us work for nothing (CVE-2023-39326). So
// each chunk earns 16 bytes of framing and twice its data, and what goes beyond is added up.
func (c *Chunked) account() error {
	overheadMax := c.Limits.OverheadMax
	if overheadMax <= 0 {
		overheadMax = overheadDefault
	}
	framing := int(c.digits) + c.ext + 2
	c.excess = max(0, c.excess+framing-16-2*int(min(c.left, 1<<24)))
	if c.excess > overheadMax {
		return ErrChunkOverhead
	}
	c.state = inData
	if c.left == 0 {
		c.state = inTrailer
	}
	return nil
}

// forbidden are the fields that a trailer section may not have (RFC 9110, section 6.5.1): who merged them into the head
// would frame, route or authorise the message by what came after it.
var forbidden = func() (t [fieldIDs]bool) {
	for _, id := range []FieldID{
		FieldContentLength, FieldTransferEncoding, FieldTrailer, FieldTE, // framing
		FieldConnection, FieldKeepAlive, FieldUpgrade, FieldExpect, // the connection
		FieldHost, FieldForwarded, FieldXForwardedFor, FieldXForwardedHost, FieldXForwardedProto, FieldMaxForwards, // routing
		FieldAuthorization, FieldProxyAuthorization, FieldCookie, FieldSetCookie, // authentication
		FieldContentEncoding, FieldContentType, FieldContentRange, FieldRange, // how to read the content
	} {
		t[id] = true
	}
	return t
}()

// trailer reads the trailer section at the front of b. n is 0 until all of it is there.
func (c *Chunked) trailer(b []byte) (n int, err error) {
	sizeMax := c.Limits.TrailerBytesMax
	if sizeMax <= 0 {
		sizeMax = trailerBytesDefault
	}
	sizeMax = min(sizeMax, headBytesMost)
	if !c.resume(b) {
		return 0, c.more(b, sizeMax, ErrTrailerSize)
	}
	i := c.next
	for {
		if i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
			break
		}
		var f Field
		next, err := c.field(b, i, sizeMax, ErrTrailerSize, len(c.Trailer) == 0, &f)
		if err != nil {
			return 0, err
		}
		if forbidden[f.ID] {
			return 0, ErrTrailerForbidden
		}
		c.Trailer = append(c.Trailer, f)
		i = next
	}
	if i+2 > sizeMax {
		return 0, ErrTrailerSize
	}
	return i + 2, Done
}
