// Package transport is the seam between a connection's protocol and whatever moves its bytes.
//
// A Session is the protocol of one connection, a state machine without I/O: a transport hands it received bytes
// in a Turn, the session appends its answers to the same Turn and says what it wants next. A Conn is the
// connection as its session sees it: the few things that a handler in the middle of a request may need from the
// outside (more body bytes, output moved on, the descriptor itself). Four transports live below this package: epoll
// (loops and batons, Linux), portable (a goroutine for each connection, any net.Conn), gnet and netpoll (connections that
// rest on the loops of those libraries); the session code is the same on all, and so is the suite that they pass
// (package conformance).
//
// Invariant: at any moment one goroutine owns a connection, and only the owner runs its session. What
// others may call, and when, is said at the method.
package transport
