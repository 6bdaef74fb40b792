package engine

import (
	"errors"
	"io"
	"os"

	"github.com/peregrine-http/peregrine/httpparse"
)

// body is the decoder of the request's body. The reader's, but for flagBody, which says to everybody that the end has
// not been reached.
type body struct {
	left    int64             // of a body with a length, in bytes
	chunks  httpparse.Chunked // of a chunked one
	data    []byte            // decoded and not delivered: a view of the input just consumed, empty before any wait
	trailer []byte            // what the spans of chunks.Trailer are relative to
	err     error             // final
}

func (b *body) begin(req *httpparse.Request) {
	b.left = req.ContentLength
	b.data, b.trailer, b.err = nil, nil, nil
	if req.Body == httpparse.ChunkedBody {
		b.chunks.Reset()
	}
}

// ReadBody reads the body, decoded, into p. At the end of the body it returns io.EOF, together with the last bytes if it
// can. It waits for the peer when nothing is at hand, up to the read deadline: os.ErrDeadlineExceeded, after which a
// later deadline lets it go on. Other errors are final, and this response is the connection's last:
// io.ErrUnexpectedEOF when the peer has ended its side too early, an *httpparse.Error for bad chunks, anything else
// from the connection. It is called by one goroutine at a time.
func (x *Exchange) ReadBody(p []byte) (int, error) {
	if x.BodyDone() {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if x.flags.Load()&flagHijacked != 0 {
		return 0, ErrHijacked
	}
	for {
		n, err := x.decode(p)
		if n > 0 || err != nil {
			return n, err
		}
		if x.req.Body == httpparse.LengthBody && len(p) >= directReadMin {
			return x.readDirect(p)
		}
		if err := x.fill(); err != nil {
			return 0, err
		}
	}
}

// decode delivers what is at hand. 0, nil: nothing is.
func (x *Exchange) decode(p []byte) (n int, err error) {
	if x.body.err != nil {
		return 0, x.body.err
	}
	if x.req.Body == httpparse.ChunkedBody {
		return x.decodeChunks(p)
	}
	t, b := x.t, &x.body
	n = copy(p, t.In[:min(int64(len(t.In)), b.left)])
	t.In = t.In[n:]
	if b.left -= int64(n); b.left == 0 {
		x.bodyEnd()
		err = io.EOF
	}
	return n, err
}

// decodeChunks fills p from several chunks, and looks past the last byte delivered: the end may be at hand.
func (x *Exchange) decodeChunks(p []byte) (n int, err error) {
	t, b := x.t, &x.body
	for {
		k := copy(p[n:], b.data)
		n += k
		if b.data = b.data[k:]; len(b.data) > 0 {
			return n, nil
		}
		in := t.In
		data, k, err := b.chunks.Next(in)
		t.In = in[k:]
		switch err {
		case nil:
			b.data = data
		case httpparse.ErrNeedMore:
			return n, nil
		case httpparse.Done:
			b.trailer = in[:k:k]
			x.bodyEnd()
			return n, io.EOF
		default:
			// Where the next request would begin is lost.
			b.err = err
			x.SetClose(true)
			return n, err
		}
	}
}

// readDirect saves the copy for a large piece of a body with a length, when no input is at hand.
func (x *Exchange) readDirect(p []byte) (int, error) {
	b := &x.body
	defer x.flags.And(^flagReads)
	x.flags.Or(flagWaited | flagReads)
	n, err := x.c.conn.Read(x.t, p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); b.left == 0 {
		x.bodyEnd()
		return n, io.EOF
	}
	if err != nil {
		return n, x.readFailed(err)
	}
	return n, nil
}

func (x *Exchange) fill() error {
	defer x.flags.And(^flagReads)
	x.flags.Or(flagWaited | flagReads)
	if err := x.c.conn.Fill(x.t); err != nil {
		return x.readFailed(err)
	}
	return nil
}

// readFailed turns what the connection says into what a reader of the body is told. Whatever it is, the peer does not
// deliver, and the context ends, as net/http has it.
func (x *Exchange) readFailed(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		x.body.err = err
		x.SetClose(false)
	}
	if ctx := x.ctx; ctx != nil {
		ctx.Cancel()
	}
	return err
}

func (x *Exchange) bodyEnd() {
	x.flags.And(^flagBody)
	if ctx := x.ctx; ctx != nil {
		ctx.bodyRead()
	}
}

// BodyDone reports whether the end of the body has been reached, or there is none. Any goroutine.
func (x *Exchange) BodyDone() bool { return x.flags.Load()&flagBody == 0 }

// BodyBuffered returns how many bytes are at hand, as sent, that ReadBody would decode without waiting. They may include
// bytes of the next request.
func (x *Exchange) BodyBuffered() int { return len(x.body.data) + len(x.t.In) }

// Trailers returns the trailer fields of a chunked body, once its end has been reached, and the bytes that their spans
// are relative to: views, valid until ServeExchange returns.
func (x *Exchange) Trailers() ([]httpparse.Field, []byte) {
	if x.req.Body != httpparse.ChunkedBody || !x.BodyDone() {
		return nil, nil
	}
	return x.body.chunks.Trailer, x.body.trailer
}

// discardBody is for a body that the handler has not read to its end. What is left must be read away before the next
// head, unless it is much: then it is cheaper to begin a new connection. A client that still waits for 100 (Continue)
// may now send the body or not (RFC 9110, section 10.1.1), so the next bytes could be either; the connection ends.
func (x *Exchange) discardBody() {
	t, left := x.t, int64(discardMax)
	keep := x.flags.Load()&flagClose == 0 && x.req.KeepAlive
	for {
		n, err := x.skip()
		switch {
		case err == io.EOF:
			return
		case err != nil:
			return // SetClose has been called
		}
		left -= n
		waits := x.req.Expect100 && !x.continued && len(t.In) == 0
		if !keep || waits || left < 0 || x.body.left > left {
			x.SetClose(true)
			return
		}
		// The client may be waiting for this answer before it sends the rest.
		if len(t.Out) > 0 && x.Flush() != nil {
			return
		}
		if x.fill() != nil {
			x.SetClose(true)
			return
		}
	}
}

// skip consumes what is at hand of the body and returns its size as sent. io.EOF: all of it.
func (x *Exchange) skip() (int64, error) {
	t, b := x.t, &x.body
	before := len(t.In)
	b.data = nil
	for b.err == nil {
		if x.req.Body == httpparse.LengthBody {
			n := min(int64(len(t.In)), b.left)
			t.In = t.In[n:]
			if b.left -= n; b.left == 0 {
				x.bodyEnd()
				return n, io.EOF
			}
			return n, nil
		}
		_, k, err := b.chunks.Next(t.In)
		t.In = t.In[k:]
		switch err {
		case nil:
		case httpparse.ErrNeedMore:
			return int64(before - len(t.In)), nil
		case httpparse.Done:
			x.bodyEnd()
			return int64(before - len(t.In)), io.EOF
		default:
			b.err = err
			x.SetClose(true)
		}
	}
	return 0, b.err
}
