// Package portable moves the bytes of connections with one goroutine each, on any net.Conn from any net.Listener: every
// system Go runs on, tests' fake connections, and the connections of listeners that add something of their own.
//
// The goroutine of a connection reads, runs the session, writes what it left, and reads again. Handlers run on it: they
// may take their time. What needs other goroutines is watching the peer while a handler runs (a read in the
// background, started only on demand) and closing idle connections from outside.
//
// What it costs: an idle connection holds its goroutine and a read buffer of transport.BufferSmall, since a blocking
// read must have somewhere to put what comes. Scratch and output are pooled and held only while a session runs.
//
// Invariant: only the connection's goroutine touches its Turn, and at most one goroutine at a time reads from
// the net.Conn.
package portable
