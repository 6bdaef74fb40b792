// Package netpoll serves connections from the pollers of github.com/cloudwego/netpoll. To import it is to register it: a
// server whose Transport is "netpoll" then uses it.
//
//	import _ "github.com/peregrine-http/peregrine/engine/transport/netpoll"
//
// Listeners are package net's, TCP or Unix, inherited or not; what they accept goes to netpoll's pollers, which the process
// has once, for all servers and for whatever else uses netpoll. A connection between two requests has no goroutine. When
// a poller has read something, the connection gets one; sessions and handlers run there. There is no baton and nothing
// runs on the poller, so a handler may take its time; and no declaration that would have it run there.
//
// What it cannot do, because netpoll cannot:
//
//   - The number of loops is the process's: Options.Loops must be 0, see netpoll.Configure.
//   - A poller reads whatever comes, and cannot be told to stop. What a handler has not read is kept, up to InputMax for each
//     connection; a peer that sends more is cut, and its handler gets ErrInputMax. Every other transport makes such a peer
//     wait. So this one is not for uploads that are larger than InputMax and come faster than they are read.
//   - A connection stays on its poller: Hijack returns a net.Conn, with deadlines, CloseWrite and sendfile(2), but no
//     *net.TCPConn. InputMax holds for it, too.
//   - It runs on Linux and macOS. Elsewhere New returns an error.
//
// A socket that is full, a file, and a peer that has ended its side take a second descriptor. While the process is out of
// them such a connection ends, if need be in the middle of an answer; its handler gets the kernel's error.
//
// An idle connection keeps some 8 KB, because netpoll gives it a buffer and more when it is accepted. netpoll has a log of
// its own, on standard error unless netpoll.Configure says otherwise. Under the race detector a closed connection's
// descriptor is kept back for a moment, because that build of netpoll mistakes a late event for one of the next connection.
//
// Invariant: the session of a connection runs on one goroutine at a time, never on a poller.
package netpoll
