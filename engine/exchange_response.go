package engine

import (
	"os"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// Out returns the output so far, which may begin with answers to earlier requests. Append to it and give it back:
//
//	x.SetOut(append(x.Out(), "HTTP/1.1 204 No Content\r\n\r\n"...))
//
// Valid until the next Flush, SendFile, SendContinue or Hijack.
func (x *Exchange) Out() []byte { return x.t.Out }

// SetOut sets the output to b, which must be Out with more behind it. Its bytes are final: they may leave at any time,
// at the latest when the handler has returned. Framing (lengths, chunks, what HEAD and 304 leave out) is the
// caller's.
func (x *Exchange) SetOut(b []byte) { x.t.Out = b }

// OutFull reports whether Out is above its high-water mark: the caller should Flush, so that a peer that does not read
// stops the handler, and not the memory.
func (x *Exchange) OutFull() bool { return len(x.t.Out) > transport.OutHigh }

// Flush sends Out and then more, none of which is kept, and returns when the kernel has taken it. Out is then empty.
// It waits for a peer that does not read: up to the write deadline (os.ErrDeadlineExceeded), or without end. After an
// error the connection ends.
func (x *Exchange) Flush(more ...[]byte) error {
	defer x.flags.And(^flagWrites)
	if x.flags.Or(flagWaited|flagWrites)&flagHijacked != 0 {
		return ErrHijacked
	}
	err := x.c.conn.Flush(x.t, more...)
	if err != nil {
		x.SetClose(false)
	}
	return err
}

// SendFile sends Out and then up to n bytes of f from its current offset (n < 0: up to its end), without a copy where
// the system can. It returns the number of f's bytes that were sent. It waits and fails as Flush does.
func (x *Exchange) SendFile(f *os.File, n int64) (int64, error) {
	defer x.flags.And(^flagWrites)
	if x.flags.Or(flagWaited|flagWrites)&flagHijacked != 0 {
		return 0, ErrHijacked
	}
	sent, err := x.c.conn.SendFile(x.t, f, n)
	if err != nil {
		x.SetClose(false)
	}
	return sent, err
}

// SendContinue sends 100 (Continue), which a client that sent Expect: 100-continue waits for before it sends the body.
// It is for the caller to do so once, before the first ReadBody and before any output of the response itself.
func (x *Exchange) SendContinue() error {
	x.continued = true
	x.SetOut(append(x.Out(), "HTTP/1.1 100 Continue\r\n\r\n"...))
	return x.Flush()
}
