// Package httpparse reads HTTP/1 messages in place: bytes in, views out. It does no I/O, reads no clock, starts no
// goroutine and allocates nothing after the field slice has grown to its size.
//
// Request.Parse reads one request head from the front of a buffer and has three outcomes: the length of the head;
// ErrNeedMore, after which the caller calls again with the same bytes and more behind them, and nothing is
// scanned twice; or an *Error, one value for each rule that can be broken, with the RFC section and the status
// that the peer deserves, after which the buffer is worthless. Everything found is a Span, a pair of offsets: it
// stays true when the buffer moves, and it can be applied to a string made of the head.
// What the head says about the body is decided here as well (Request.Body), because that is where request
// smuggling lives: whatever two readers could frame differently is refused. Chunked decodes a chunked body the same way.
//
// Invariant: what Parse accepts has exactly one reading under RFC 9110 and RFC 9112.
package httpparse
