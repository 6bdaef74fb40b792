package transport

import (
	"errors"
	"net"
	"os"
	"time"
)

// Conn is a connection as its session sees it. Unless a method says otherwise, it is called by the owner, that is,
// from inside Session.Run, or by the one goroutine that the owner's handler delegates to; one goroutine may
// be in Fill or Read while another is in Flush or SendFile.
//
// An error of Fill, Read, Flush or SendFile is final for that direction. A passed deadline gives
// os.ErrDeadlineExceeded (it can be lifted by a later deadline, as in package net), a connection cut by Abort
// net.ErrClosed, anything else is what the kernel said.
type Conn interface {
	// Begin is called before a handler runs, with the request's method and path (without query), which must stay
	// unchanged until End. It reports whether the handler may run here and now; if not, Run returns Own with the
	// request unconsumed. What stands in t.Out at this moment is finished output of earlier requests: the
	// transport may send it while the handler runs.
	Begin(t *Turn, method, path []byte) bool

	// End is called when the handler has returned, also by panic. It reports whether the connection was lent:
	// its goroutine no longer runs a loop, and Run should return at the next request boundary.
	End(t *Turn) (lent bool)

	// Stay says that the handler that has begun does not wait for anything: no matter how long it takes, it is left where
	// it runs. A call that waits ends this. Leave says that it is about to wait for something that the transport knows
	// nothing of: the baton is given up now, and not after the monitor has seen it. Where there is no baton, both do
	// nothing. From the goroutine of the handler only, between Begin and End.
	Stay(t *Turn)
	Leave(t *Turn)

	// Fill waits until at least one more byte stands behind t.In, or returns io.EOF when the peer has ended its
	// side. Between Begin and End it leaves the bytes that t.In had already passed untouched.
	// It gives the baton up before it waits.
	Fill(t *Turn) error

	// Read reads body bytes past t.In, which must be empty, straight into p: for large bodies, to save a copy.
	Read(t *Turn, p []byte) (int, error)

	// Flush sends t.Out and then the given slices, none of which it keeps. It returns when the kernel has taken
	// all of it, and empties t.Out. It gives the baton up first.
	Flush(t *Turn, more ...[]byte) error

	// SendFile flushes t.Out, then sends up to n bytes of f from its current offset (n < 0: to its end), by
	// sendfile(2) where there is one. It gives the baton up first.
	SendFile(t *Turn, f *os.File, n int64) (int64, error)

	// SetReadDeadline bounds waiting for input: in Fill and Read, and between Runs (Session.Expire).
	// The zero time means no bound. Any goroutine between Begin and End; it wakes a waiting Fill or Read.
	SetReadDeadline(at time.Time)

	// SetWriteDeadline bounds waiting in Flush and SendFile, and for output left behind by Run.
	// The zero time means no bound. Any goroutine between Begin and End; it wakes a waiting Flush.
	SetWriteDeadline(at time.Time)

	// Watch asks that Session.HangUp be called if the peer leaves before End. Loops notice by themselves; the
	// portable transport starts to read. Call it only when the request's body has been read. Any goroutine.
	Watch(t *Turn)

	// HungUp reports whether the peer is known to have ended its side or to be gone. Any goroutine, any time.
	HungUp() bool

	// Abort and the following three are for a Protocol: any goroutine, from its first Run until Duplex.Ending has returned.
	// A later call would be one on the connection that has taken its place.

	// TryWrite gives the bytes of all of p to the kernel and does not wait. It returns how many were taken; if that is not
	// all, Duplex.Writable will be called. It keeps nothing, but uses p up: its slices are changed. One goroutine at a
	// time. After an error nothing can be sent. The write deadline is not for it.
	TryWrite(p [][]byte) (int, error)

	// Notify has Session.Run called soon, also without input: a Run that begins after the call. One Run may answer several.
	// It comes on the loop, or, where a handler is away from it, when that has returned. After Run has returned Close,
	// Linger or Abort it does nothing. Who notifies sees to it that calls do not pile up.
	Notify()

	// Loop returns where the connection lives.
	Loop() Loop

	// Hijack takes the connection out of the transport: unread input is t.In, output in t.Out is flushed first.
	// After it, Run must return Gone. On loops the result is a real *net.TCPConn or *net.UnixConn.
	Hijack(t *Turn) (net.Conn, error)

	// NetConn is a net.Conn that stands for this connection in hooks, the same one each time, or nil unless the
	// transport was asked for them by Options.NetConns (on loops each costs some 300 bytes and a registration
	// with the runtime's poller). Reading or writing it corrupts the session. Any goroutine.
	NetConn() net.Conn

	// RemoteAddr and LocalAddr never change and are never nil. Any goroutine. LocalAddr may cost a system call.
	RemoteAddr() net.Addr
	LocalAddr() net.Addr

	// Abort cuts the connection: what waits in it wakes with net.ErrClosed, nothing more is sent.
	// Any goroutine between Begin and End, more than once; for a Protocol see TryWrite.
	Abort()
}

// Options are what a session layer asks of a transport. The zero value of a field means its default.
type Options struct {
	// Loops is the number of loops (epoll and gnet). Default GOMAXPROCS; range 1 to 256.
	Loops int
	// NetConns asks that Conn.NetConn be there.
	NetConns bool
	// NewSession makes the session of an accepted connection. It runs on the accepting goroutine and must not
	// block. Required.
	NewSession func(Conn) Session
	// Logf reports what no caller can be told: accept errors that are retried, a monitor's findings.
	// Default: nothing is logged.
	Logf func(format string, args ...any)
}

// Runner is a running transport: it accepts from one listener and owns the connections that came from it.
type Runner interface {
	// Serve accepts until the listener fails or is closed, or Drain or Close is called, and returns the reason:
	// ErrStopped after Drain or Close, otherwise the listener's error. It closes the listener. Connections
	// live on after it returns. Called once.
	Serve(l net.Listener) error
	// CloseIdle closes the connections whose session is idle now. Any goroutine.
	CloseIdle()
	// Drain stops accepting and closes each connection as soon as its session is idle. It does not wait: see Done.
	Drain()
	// Close stops accepting and cuts every connection. It does not wait for handlers.
	Close()
	// Done is closed when Serve has returned, no connection is left and the runner's goroutines have ended.
	Done() <-chan struct{}
	// Conns is the number of open connections. Any goroutine.
	Conns() int
}

// ErrStopped is what Serve returns after Drain or Close.
var ErrStopped = errors.New("transport: stopped")

// Bounds of a connection, common to all transports.
const (
	// LingerTimeout bounds how long Linger discards input.
	LingerTimeout = 500 * time.Millisecond
	// OutHigh is the high-water mark of a Turn's output in bytes: a session that has more than this returns
	// Write, or inside a handler calls Flush.
	OutHigh = 64 << 10
)
