package transport

// Protocol is a session that has left requests and responses behind: a WebSocket, whose messages may be sent by any
// goroutine at any time. It takes the place of one that has returned Become.
type Protocol interface {
	Session
	Duplex
}

// Duplex is the output side of a Protocol. It sends with Conn.TryWrite only, and leaves Turn.Out alone.
//
// What Run returns means the same as before, but for Write: nothing is read, and Run is called after Notify. So a session
// whose output is not taken stops its peer (the read deadline bounds the pause, by Expire), and one that still has
// output when the peer has ended its side (t.EOF) stays to send it: Read then ends the connection. A pause ends with the
// connection when the peer is gone; where there are no loops that is known by a failed write alone. Close and Linger end
// it after what TryWrite has taken, not after what it has not.
//
// Its methods are called by any goroutine, also while the session runs; they must not wait. A lock that they take may be
// held around TryWrite, Notify, Abort and Post, none of which calls back, but not around Begin, Leave, Fill, Read, Flush or
// SendFile, which may call Lent.
type Duplex interface {
	// Writable: the socket, which had been full, may have room again. It may come for nothing, and before the TryWrite that
	// asked for it has returned.
	Writable()
	// Lent: Run is inside a handler that has no loop, because it has lost it or, from within Begin, because it has none to
	// lose. What was to be sent when Run returns must not wait. It may come for nothing.
	Lent()
	// Drain: the server stops. It may come more than once.
	Drain()
	// Ending: the connection ends. When it has returned, nothing of the connection may be used but in Session.Closed,
	// which follows, and no other method is called. Until then the methods of Conn that are for a Duplex are safe, so it
	// waits for those that are being called: one lock, held around each call, and a flag. A connection that ends before
	// its first Run has Closed alone.
	Ending()
}

// Loop is where a connection lives. Connections of the same loop have equal ones.
type Loop interface {
	// Post has f run soon: on a loop by the holder of its baton, between turns, so it must not wait and should not take
	// longer than some tens of microseconds; where there are no loops, on a goroutine of its own. Who posts sees to it
	// that calls do not pile up. When the server has stopped, f may never run. Any goroutine.
	Post(f func())
}
