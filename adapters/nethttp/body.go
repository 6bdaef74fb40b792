package nethttp

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine"
)

// discardMax bounds the unread part of a body that is read and thrown away to keep the connection, in bytes. Beyond
// it a new connection is cheaper for both sides.
const discardMax = 256 << 10

// body is a request's body. It is read and closed by any goroutine of the handler's; once the handler has returned it
// is closed, which waits for a Read that is under way.
type body struct {
	mu     sync.Mutex // held while reading, so for as long as the client takes
	ex     *exchange
	x      *engine.Exchange
	left   int64 // of a declared length; -1 for a chunked body
	closed bool
	err    error // final

	expects     bool        // the request came with Expect: 100-continue
	mayContinue atomic.Bool // 100 Continue has been asked for, and may still be written
	continueMu  sync.Mutex  // held while it is written

	ended    atomic.Bool // the end has been reached
	hitLimit atomic.Bool // the last Read was the one with which http.MaxBytesReader found its limit exceeded
}

func newBody(ex *exchange, x *engine.Exchange, length int64) *body {
	b := &body{ex: ex, x: x, left: length}
	if x.Head().Expect100 {
		b.expects = true
		b.mayContinue.Store(true)
	}
	return b
}

// Read implements io.Reader. The first one asks a client that waits for it to go on (RFC 9110, section 10.1.1).
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	b.sendContinue()
	n, err := b.read(p)
	b.hitLimit.Store(n > 0 && n == len(p) && n < cap(p) && calledByMaxBytesReader())
	return n, err
}

func (b *body) read(p []byte) (n int, err error) {
	switch {
	case b.ended.Load():
		return 0, io.EOF
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	}
	n, err = b.x.ReadBody(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	if err == nil && b.x.BodyDone() {
		err = io.EOF // with the last bytes, as net/http does where it can
	}
	switch err {
	case nil:
	case io.EOF:
		b.ended.Store(true)
		b.trailers()
	default:
		if b.left < 0 || !errors.Is(err, os.ErrDeadlineExceeded) { // another deadline can lift that, but, as in net/http, not from chunks
			b.err = err
		}
	}
	return n, err
}

// trailers moves the fields after a chunked body to the request.
func (b *body) trailers() {
	fields, raw := b.x.Trailers()
	if len(fields) == 0 {
		return
	}
	req, text := &b.ex.req, string(raw)
	if req.Trailer == nil {
		req.Trailer = make(http.Header, len(fields))
	}
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		name := f.ID.String()
		if name == "" {
			name = textproto.CanonicalMIMEHeaderKey(f.Name.InString(text))
		}
		if !seen[name] {
			seen[name] = true
			req.Trailer[name] = nil
		}
		req.Trailer[name] = append(req.Trailer[name], f.Value.InString(text))
	}
}

// Close implements io.Closer. It reads up to discardMax bytes in search of the end, so that the connection can be kept.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	switch {
	case b.ended.Load(), b.ex.req.Close && b.left >= 0, b.mayContinue.Load():
		// There is nothing more, or nothing that matters, or nothing will come unless we ask.
		return nil
	case b.left > discardMax:
		return nil // the connection cannot be kept
	}
	return b.discard(discardMax)
}

// discard reads up to limit bytes, with b.mu held. Reaching the end is no error.
func (b *body) discard(limit int) error {
	buf := copyBuffers.Get().(*[copyBufferSize]byte)
	defer copyBuffers.Put(buf)
	for limit > 0 {
		n, err := b.read(buf[:min(limit, copyBufferSize)])
		limit -= n
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settle is called when the response's head is about to be written: many clients do not read a response before they
// have sent their request, so what is left of the body is read first, within bounds. It reports whether there is too
// much left, and whether the connection's input is of no more use.
func (b *body) settle() (tooBig, broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return false, !b.ended.Load()
	case b.ended.Load():
		b.closed = !b.expects // net/http leaves such a body at its end
		return false, false
	case b.left >= discardMax:
		return true, false
	}
	if b.discard(discardMax+1) != nil {
		return false, true
	}
	b.closed = b.ended.Load()
	return !b.closed, false
}

// sendContinue sends 100 Continue if the client waits for it and nobody has answered otherwise.
func (b *body) sendContinue() {
	if !b.mayContinue.Load() {
		return
	}
	b.continueMu.Lock()
	if b.mayContinue.Load() {
		b.mayContinue.Store(false)
		b.x.SendContinue()
	}
	b.continueMu.Unlock()
}

// forbidContinue is called before anything else is sent.
func (b *body) forbidContinue() {
	if b != nil && b.mayContinue.Load() {
		b.continueMu.Lock()
		b.mayContinue.Store(false)
		b.continueMu.Unlock()
	}
}

// interrupt ends a Read that is under way on another goroutine: the handler has returned, nobody waits for it.
// It reports whether there was one.
func (b *body) interrupt() bool {
	if b == nil {
		return false
	}
	if b.mu.TryLock() {
		b.mu.Unlock()
		return false
	}
	b.x.SetReadDeadline(longAgo)
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	return true
}

var longAgo = time.Unix(1, 0)

// end is Close without reading: after it the exchange is not touched.
func (b *body) end() {
	if b == nil {
		return
	}
	b.forbidContinue()
	b.mu.Lock()
	b.closed = true
	b.x = nil
	b.mu.Unlock()
}

// calledByMaxBytesReader reports whether the caller's caller is http.MaxBytesReader, whose way to tell the server that
// a body is too large is a method that only net/http's own ResponseWriter can have. What can be seen from here is that
// it shortens the buffer to one byte more than its limit, and that this byte came; then it never reads again. The stack
// is looked at only after a read that filled a shortened buffer. (It need not shorten a buffer that has this size by
// chance. Then the rest of the body is read as if there were no limit, within ours.)
func calledByMaxBytesReader() bool {
	var pc [1]uintptr
	if runtime.Callers(3, pc[:]) == 0 {
		return false
	}
	frame, _ := runtime.CallersFrames(pc[:]).Next()
	return frame.Function == "net/http.(*maxBytesReader).Read"
}

const copyBufferSize = 32 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBufferSize]byte) }}
