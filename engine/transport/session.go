package transport

// Session is the protocol of one connection. The transport calls Run, Expire and Closed as the connection's owner,
// never two at once.
type Session interface {
	// Run consumes what it can of t.In, appends what is to be sent to t.Out, and says what it wants next.
	// It is called when input arrives, when the peer has ended its side (t.EOF), when output that Run asked
	// to wait for has drained (after Write), and on a goroutine of its own after Own.
	Run(t *Turn) Next

	// Expire is called when the read deadline passes while the session waits for input. No handler may begin in it.
	// It may append a last answer to t.Out. Only Close and Linger are sensible results;
	// Read keeps the connection, which then has no deadline until the session sets one.
	Expire(t *Turn) Next

	// Idle reports whether the session is between requests, so that closing now loses nothing.
	Idle() bool

	// HangUp tells that the peer ended its side (reset false) or is gone (reset true) while the session runs a
	// handler elsewhere. Any goroutine; may come late, for a request after the one that was meant: the state of
	// the peer it reports stays true.
	HangUp(reset bool)

	// Closed is called once, last, by the owner. err says why the connection ended: nil after a close that the
	// session asked for or an end of stream between requests.
	Closed(err error)
}

// Starter is a session that may have to wait for something before it is run: for the handshake of a connection that somebody
// else's TLS listener has accepted. Transports that give each connection a goroutine call Start on it, once and first, as
// long as it takes; meanwhile Idle may be asked, and the connection closed. If it has done anything, Run follows,
// also without input; after an error the connection ends.
type Starter interface {
	Start() (done bool, err error)
}

// Next is what a session wants after Run.
type Next uint8

const (
	// Read: send t.Out, keep what is left of t.In, call Run when more has arrived.
	Read Next = iota
	// Write: the output is above its high-water mark. Send t.Out, read nothing, call Run with the same t.In when
	// all of it has left (for a Duplex: after Notify).
	Write
	// Own: the request at the front of t.In, none of it consumed, wants a goroutine of its own (Conn.Begin
	// refused it). Call Run there with the same t.In.
	Own
	// Close: send t.Out, then close.
	Close
	// Linger: send t.Out, end our side, discard input until the peer closes or LingerTimeout passes, then close.
	// A close with unread input in the kernel makes it send a reset, which can destroy the answer on its way to
	// the client (RFC 9112, section 9.6).
	Linger
	// Abort: close at once with a reset where possible; t.Out is dropped.
	Abort
	// Gone: the connection was hijacked. The transport forgets it; Closed is not called.
	Gone
	// Become: send t.Out, read nothing; when all of it has left, the session's place is taken by Successor.Successor, whose
	// Run is called with the same t.In.
	Become
)

// Successor is a session that has returned Become.
type Successor interface {
	// Successor returns what serves the connection from now on. It is the last call that the session gets; if the
	// connection ends before it, Closed is.
	Successor() Protocol
}

// Parting is a session that has something to say to its peer when the transport closes the connection for being idle.
type Parting interface {
	// Part appends it to t.Out. The owner calls it once Idle has returned true; what the socket takes of t.Out at once is
	// sent, and Closed follows.
	Part(t *Turn)
}
