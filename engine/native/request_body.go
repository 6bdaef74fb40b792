package native

import (
	"errors"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"time"

	"github.com/peregrine-http/peregrine/httpparse"
)

// body is the request's body as a handler reads it.
type body struct {
	left    int64 // how many bytes may still come
	whole   []byte
	read    int64
	started time.Time
	fetched bool // Body has been called
	settled bool // 100 (Continue) has been sent, or must not be any more since the response has begun
	err     error
	reader  bodyReader
}

func (b *body) begin(bytesMax int64) {
	b.left, b.read, b.fetched, b.settled, b.err = bytesMax, 0, false, false, nil
	b.whole = b.whole[:0]
}

func (b *body) end() {
	b.reader.r = nil
	b.started = time.Time{}
	if cap(b.whole) > scratchKeep {
		b.whole = nil
	}
}

// ContentLength returns the length of the body in bytes: 0 if there is none, -1 if it comes in chunks.
func (r *Request) ContentLength() int64 {
	if r.head.Body == httpparse.ChunkedBody {
		return -1
	}
	return max(0, r.head.ContentLength)
}

// SetBodyBytesMax bounds what may still be read of the body, in bytes, for this request; see Server.BodyBytesMax.
func (r *Request) SetBodyBytesMax(n int64) { r.body.left = bodyBound(n) }

// bodyBound is a bound of bodies as configured: a negative one is none.
func bodyBound(n int64) int64 {
	if n < 0 || n == math.MaxInt64 {
		return math.MaxInt64 - 1 // one more must still be a number
	}
	return n
}

// Body reads the whole body and returns it, the same each time. It waits for bytes that have not come, off the loop.
//
// Errors are those of BodyReader; returned by the handler, they give the right answer.
func (r *Request) Body() ([]byte, error) {
	b := &r.body
	switch {
	case b.fetched:
		return b.whole, b.err
	case r.x == nil && r.ContentLength() != 0:
		return nil, ErrNoConn
	case r.x == nil:
		return nil, nil
	}
	b.fetched = true
	length := r.ContentLength()
	if length > b.left {
		r.x.SetClose(true) // nobody is going to read it
		b.err = errBodyTooLarge
		return nil, b.err
	}
	if int64(cap(b.whole)) < min(length, bodyRoomFirst) {
		b.grow(length)
	}
	for {
		if len(b.whole) == cap(b.whole) {
			if r.x.BodyDone() {
				return b.whole, nil
			}
			b.grow(length)
		}
		n, err := r.readBody(b.whole[len(b.whole):cap(b.whole)])
		b.whole = b.whole[:len(b.whole)+n]
		if err == io.EOF {
			return b.whole, nil
		}
		if err != nil {
			b.err, b.whole = err, b.whole[:0]
			return nil, err
		}
	}
}

// grow makes room for more of a body of that length, or of an unknown one (-1). A length is a promise: who makes a large one and
// sends nothing must not cost what it promises, so there is room for three times of what has come.
func (b *body) grow(length int64) {
	room := max(bodyRoomMin, 3*len(b.whole))
	if length >= 0 {
		room = int(min(max(bodyRoomFirst, int64(room)), length-int64(len(b.whole))))
	}
	b.whole = slices.Grow(b.whole, room)
}

// BodyReader returns the body as a stream, which is valid until the handler returns. Its Read waits for bytes that have
// not come, off the loop. What it gives after the last byte is io.EOF; an *Error with status 413 above the bound
// (Server.BodyBytesMax, Body, SetBodyBytesMax), with 408 if the bytes come too slowly (Server.BodyTimeout), with 400 if
// they are not what the head promised; anything else comes from the connection.
func (r *Request) BodyReader() io.Reader {
	r.body.reader.r = r
	return &r.body.reader
}

type bodyReader struct{ r *Request }

func (b *bodyReader) Read(p []byte) (int, error) {
	switch {
	case b.r == nil:
		return 0, ErrNoConn
	case b.r.x != nil:
		return b.r.readBody(p)
	case b.r.ContentLength() == 0:
		return 0, io.EOF
	}
	return 0, ErrNoConn
}

func (r *Request) readBody(p []byte) (int, error) {
	x, b := r.x, &r.body
	if x.BodyDone() {
		return 0, io.EOF
	}
	if b.left < 0 || b.read == 0 && r.ContentLength() > b.left {
		x.SetClose(true)
		return 0, errBodyTooLarge
	}
	if r.head.Expect100 && !b.settled && b.read == 0 && x.BodyBuffered() == 0 {
		b.settled = true
		if err := x.SendContinue(); err != nil {
			return 0, err
		}
	}
	if x.BodyBuffered() == 0 {
		r.extendBodyDeadline()
	}
	// One byte more than may come shows that more do.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := x.ReadBody(p)
	b.read += int64(n)
	if b.left -= int64(n); b.left < 0 {
		x.SetClose(true)
		return 0, errBodyTooLarge
	}
	switch {
	case err == nil || err == io.EOF:
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.SetClose(true)
		err = errBodyLate
	default:
		if _, broken := errors.AsType[*httpparse.Error](err); broken || err == io.ErrUnexpectedEOF {
			err = &Error{Status: 400, Err: err}
		}
	}
	return n, err
}

// extendBodyDeadline gives the next bytes of the body their time: a fixed one at first, and more with every byte that has
// come, so that what matters is the rate and not the size.
func (r *Request) extendBodyDeadline() {
	s := servingOf(r.x).srv
	if s.BodyTimeout <= 0 {
		return
	}
	b := &r.body
	if b.started.IsZero() {
		b.started = r.x.Now()
	}
	allowed := s.BodyTimeout
	if s.BodyRateMin > 0 {
		allowed += time.Duration(b.read/s.BodyRateMin) * time.Second
	} else {
		allowed += time.Since(b.started)
	}
	r.x.SetReadDeadline(b.started.Add(allowed))
}

// Trailers yields the fields behind a body that came in chunks, once its end has been read.
func (r *Request) Trailers() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		if r.x == nil {
			return
		}
		fields, in := r.x.Trailers()
		for i := range fields {
			if !yield(fields[i].Name.In(in), fields[i].Value.In(in)) {
				return
			}
		}
	}
}
