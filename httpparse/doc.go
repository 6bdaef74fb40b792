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
//
// # Stricter than net/http
//
// What Parse and Chunked accept, a net/http server accepts too, and understands the same way (but for one thing: the
// groups of an IPv6 address in a target are not counted here). The reverse does not hold. net/http takes the following,
// and this package refuses it:
//
//   - LF alone as a line end (RFC 9112, section 2.2), and a field value continued on the next line (section 5.2);
//   - HTTP/1.2 to HTTP/1.9: 505 (RFC 9112, section 2.3; these two versions are all there is);
//   - a raw # in the target (RFC 9112, section 3.2): readers differ on whether the rest counts;
//   - a target such as urn:x or http:/x, with a scheme but no "//" (RFC 9112, section 3.2.2), or without a host
//     (RFC 9110, section 4.2.1), or with user information (RFC 9110, section 4.2.4), or with bytes in its host
//     that RFC 3986, section 3.2.2, does not have, or with a port above 65535;
//   - CONNECT without a host or a port (RFC 9110, section 9.3.6);
//   - more than one empty line before the request line (RFC 9112, section 2.2; net/http skips two after a POST);
//   - Content-Length together with Transfer-Encoding (RFC 9112, section 6.3);
//   - a repeated Content-Length, even with equal values (RFC 9112, section 6.3);
//   - any Transfer-Encoding on HTTP/1.0, where net/http ignores it (RFC 9112, section 6.1);
//   - whitespace behind a chunk size (RFC 9112, section 7.1), chunk extensions that are not name[=value] (section 7.1.1);
//   - trailer fields that frame, route or authorise (RFC 9110, section 6.5.1; the list stands at "forbidden");
//   - more than Limits.FieldsMax field lines (RFC 6585, section 5).
//
// As in net/http, and laxer than the RFCs: bytes above 0x7f and the characters "<>\^`{|} in a target, any escapes in
// a query, CONNECT with a path or without Host, a Host field that has the right bytes in the wrong order.
package httpparse
