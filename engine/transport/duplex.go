package transport

// Duplex is the output side of a session that has left requests and responses behind: a WebSocket, whose messages
// may come from any goroutine at any time. Conn.SetDuplex declares it. From then on the session sends with Conn.TryWrite
// only, and leaves Turn.Out alone.
//
// Its methods are called by any goroutine, also while the session runs; they must not wait.
type Duplex interface {
	// Writable: the socket, which had been full, may have room again. It may come for nothing.
	Writable()
	// Lent: Run is inside a handler that has lost its loop. What was to be sent when Run returns must not wait.
	Lent()
	// Drain: the server stops. It may come more than once.
	Drain()
	// Ending: the connection ends. When it has returned, nothing of the connection may be used but in Session.Closed,
	// which follows; until then the methods of Conn that are for a Duplex are safe.
	Ending()
}

// Loop is where a connection lives. Connections of the same loop have equal ones.
type Loop interface {
	// Post has f run soon: on a loop by the holder of its baton, between turns, so it must not wait and should not take
	// longer than some tens of microseconds; where there are no loops, on a goroutine of its own. Who posts sees to it
	// that calls do not pile up. When the server has stopped, f may never run. Any goroutine.
	Post(f func())
}
