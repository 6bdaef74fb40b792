// Package engine serves HTTP/1 connections: it turns received bytes into exchanges, hands each to a Handler, and keeps
// the order of answers, the framing of request bodies, deadlines, limits and the end of connections.
//
// A connection (Conn) is a state machine without I/O. A transport (package engine/transport and below) moves the bytes
// and runs it; the same connection code serves loops, a goroutine for each connection, and a scripted connection in
// a test. What a handler must wait for (more of the body, output moved on) it asks of the transport through its
// Exchange, and only then does anything block.
//
// A request, from bytes to answer:
//
//	head      Conn.Run parses it in place, resuming where the last bytes ended
//	refuse    what breaks a rule is answered here and the connection ends; no handler sees it
//	begin     the transport says whether the handler may run here; if not, all this happens again on a goroutine
//	handler   Handler.ServeExchange reads the body and appends the answer to the output
//	finish    the context ends, what is left of the body is discarded, or the connection will end
//	next      the next head of the same input, so that pipelined answers leave in one write
//
// Invariant: one goroutine at a time owns a connection, and only its owner touches the connection's fields; the
// exceptions (the context of the running exchange, the flags of deadlines, the state) are atomic and named as such.
package engine
