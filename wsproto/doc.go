// Package wsproto speaks WebSocket (RFC 6455) with compressed messages (RFC 7692), without sockets: bytes in, messages out, and
// the other way round, for servers and for clients. It does no I/O, reads no clock, starts no goroutine and logs nothing.
//
// Opening and Answer judge the two halves of the opening handshake, and agree on a subprotocol and on the parameters of
// permessage-deflate. After it a Reader takes bytes, cut anywhere, and returns events: whole messages, and control
// frames. A message that came in one frame and in one piece is unmasked where it lies, and copied nowhere; others are
// collected in a buffer that is borrowed for that time only. A Writer appends frames to a buffer; a Prepared is a
// frame for many. ParseHeader, AppendHeader, Mask, UTF8, Deflater and Inflater are the parts of these, to be used alone.
//
// Each rule that a peer can break is an Error of its own, which says how to close or what to answer, and where the rule
// stands; Rules lists them. What a program has to do by itself, because it needs a clock or a connection: answer a Ping with a
// Pong and a Close with a Close, bound the rate of control frames, and end what stays silent.
//
// Invariant: between messages a Reader owns no buffer, and what it returns depends on the bytes, not on where they were
// cut.
//
// # Memory of an idle connection
//
// A Reader has 168 bytes and a Writer 24, in the struct of whoever has them. permessage-deflate adds a Deflater of 48 and an
// Inflater of 32 bytes, and with context takeover what was last said: up to 8 KB of what was sent, and of what came as much as
// the other side's window, up to 32 KB. A server with many idle connections asks for ServerNoContextTakeover and
// ClientNoContextTakeover, which need none of this, or for a small ClientMaxWindowBits.
//
// # Stricter than the RFCs
//
//   - a quoted parameter in Sec-WebSocket-Extensions has no backslashes (RFC 6455, section 9.1, has no use for them);
//   - a message compressed with more than 16 final blocks is refused (RFC 7692, section 7.2.3.4, gives no number).
//
// Laxer: a final block at the end of a compressed message needs no empty block behind it.
package wsproto
