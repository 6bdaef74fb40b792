// Package netio is the only code that makes socket and epoll calls, and a pretend kernel for tests.
//
// Kernel and Poller are the contract. System returns the real one (Linux; elsewhere ErrUnsupported), NewSim a seeded
// simulation that cuts, delays and refuses wherever a kernel may. No call blocks but Poller.Wait with park set, and
// that parks the goroutine in the runtime's own poller, holding no thread.
//
// Invariant: a call that may block in the kernel is never made as a raw system call, and every other one always is:
// entering and leaving the scheduler costs more than most of these calls do.
package netio

import (
	"errors"
	"net/netip"
)

// Flags say what happened to a descriptor, or what to watch.
type Flags uint8

const (
	In    Flags = 1 << iota // readable, or end of stream
	Out                     // writable again after Again
	RdHup                   // the peer has ended its side
	Hup                     // both sides are gone: reset or fully closed
	Err                     // an error is pending; the next read or write tells it
)

// Event is one descriptor's news. Data is what was given to Poller.Add: never a pointer, never a bare descriptor.
type Event struct {
	Data  uint64
	Flags Flags
}

// Poller waits for events of the descriptors added to it. Its user serialises Wait; Add, Remove and Wake may be called
// by any goroutine at any time.
type Poller interface {
	// Add watches a connection, edge-triggered, for all Flags at once: nothing needs to be changed until it is
	// closed. data is any value but the largest, which the poller keeps for itself. What is ready already counts
	// as an edge. An edge is reported once; the user remembers it until a call says Again (or reads less than it
	// asked for, which means the same).
	Add(fd int, data uint64) error
	// AddListener watches a listening socket, level-triggered and with EPOLLEXCLUSIVE. Exclusive it is only among
	// threads that block in epoll_wait, of other programs on the same socket: pollers that are parked, being nested
	// in the runtime's, are all signalled for a connection, look, and all but the first park again.
	AddListener(fd int, data uint64) error
	// Remove ends watching fd, which is still open. Closing a descriptor removes it too.
	Remove(fd int) error
	// Wait fills events and returns their number, 0 if there are none. With park set it waits until there is an
	// event or Wake has been called since the last parked Wait; after a Wake it may return 0.
	// It returns ErrClosed after Close.
	Wait(events []Event, park bool) (int, error)
	// Wake makes the current or next parked Wait return.
	Wake()
	// Cycle takes the calling goroutine once through the runtime's own poller, although the loop may be full of
	// work and never park. A loop that only yields keeps its P busy, and a busy P looks at the runtime's sockets
	// (a database client inside a handler) only every 10 ms. Cycle returns when the runtime has polled: at once if
	// nothing else can run on this P, else when the others have had their turn, at the latest after about 10 ms. It
	// consumes no event and no Wake. It is serialised with Wait. It returns ErrClosed after Close.
	Cycle() error
	// Close releases the poller and wakes a parked Wait.
	Close() error
}

// Kernel is what the engine asks of an operating system. Descriptors are non-blocking and close-on-exec. Errors are
// the Err values below, or an Errno of the system's, none of them allocated per call. EINTR is retried inside.
type Kernel interface {
	NewPoller() (Poller, error)
	// Accept takes one connection from a listening descriptor. peer is the zero AddrPort if the socket is not IP.
	Accept(fd int) (conn int, peer netip.AddrPort, err error)
	// Read returns 0, nil at the end of the stream. p is not empty.
	Read(fd int, p []byte) (int, error)
	// Unread reports whether bytes have come that Read has not returned. The end of the stream and errors are none.
	Unread(fd int) bool
	Write(fd int, p []byte) (int, error)
	// WriteMore is Write for bytes that more will follow at once: a segment that they do not fill may wait for it.
	WriteMore(fd int, p []byte) (int, error)
	// Writev writes the slices in order. It looks at no more than WritevMax of them.
	Writev(fd int, p [][]byte) (int, error)
	// SendFile sends up to n bytes of the open file src from its current offset. 0, nil: the file has ended.
	SendFile(fd, src int, n int) (int, error)
	// CloseWrite ends our side (shutdown(SHUT_WR)).
	CloseWrite(fd int) error
	// Reset makes the coming Close send a reset instead of an orderly end.
	Reset(fd int) error
	Close(fd int) error
}

// WritevMax bounds the slices of one Writev.
const WritevMax = 16

// Errors by what the caller does about them.
var (
	// ErrAgain: not now; wait for the event.
	ErrAgain = errors.New("netio: would block")
	// ErrExhausted: no descriptors or no memory (EMFILE, ENFILE, ENOBUFS, ENOMEM); pause and try again.
	ErrExhausted = errors.New("netio: out of descriptors or memory")
	// ErrAborted: the connection died before it was accepted (ECONNABORTED, EPROTO and the network errors that
	// accept(2) passes on); take the next.
	ErrAborted = errors.New("netio: connection aborted before accept")
	// ErrReset: the peer is gone (ECONNRESET, EPIPE, ETIMEDOUT, ...).
	ErrReset = errors.New("netio: connection reset by peer")
	// ErrClosed: the descriptor or poller has been closed here.
	ErrClosed = errors.New("netio: closed")
	// ErrUnsupported: this system has no implementation.
	ErrUnsupported = errors.New("netio: not supported on this system")
)
