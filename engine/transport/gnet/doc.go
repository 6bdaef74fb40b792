// Package gnet serves connections from the loops of github.com/panjf2000/gnet. To import it is to register it: a server whose
// Transport is "gnet" then uses it.
//
//	import _ "github.com/peregrine-http/peregrine/engine/transport/gnet"
//
// gnet serves no listener but one that it has opened itself, and ends when it runs out of descriptors. So connections are
// accepted by package net, from any TCP or Unix listener, inherited or not, and enrolled with loops that have no
// listener; each server has loops of its own. A connection between two requests has no goroutine. When a loop has read
// something, the connection gets one; sessions and handlers run there. There is no baton and nothing runs on the
// loop, so a handler may take its time; and no declaration that would have it run there.
//
// A loop of gnet does not wait for the socket's room where a handler could be told of it, has no deadlines, cannot stop
// reading, and closes a connection whose peer has ended its side. What needs any of that happens on a second descriptor
// of the same socket, in the poller of Go's runtime: writing to a full socket, sendfile(2), the rest of a half-closed
// connection, and all reading of a connection that has sent 64 KB more than its handler has read. Between
// requests it comes back to the loop. A hijacked connection is a *net.TCPConn or *net.UnixConn that has left it.
//
// What it cannot do: the methods of gnet.Conn and gnet's own events, which programs on gnet know, are out of reach; gnet's
// options but the number of loops are fixed. It runs on Linux and macOS; elsewhere New returns an error. gnet's logger is
// the process's: it is replaced by one that passes errors to Options.Logf and drops the rest.
//
// While the process is out of descriptors, a connection that cannot be enrolled ends, and so does one that needs a second
// descriptor, if need be in the middle of an answer; its handler gets the kernel's error.
//
// Invariant: the session of a connection runs on one goroutine at a time, never on a loop.
package gnet
