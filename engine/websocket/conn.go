package websocket

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/wsproto"
)

// Conn is one connection. All its methods may be called by any goroutine, also when the connection has ended, but for those
// that say otherwise.
type Conn struct {
	tc    transport.Conn // replaced once, by Ending
	e     *Endpoint
	value any
	more  *more // fixed from the handshake on; nil for most

	// The owner's, who is inside Run or Expire.
	reader   *wsproto.Reader // nil between messages
	is       is
	heard    uint32 // when the peer was last heard of, in milliseconds
	controls uint16 // its control frames in the second of heard

	mu   sync.Mutex // guards the following
	has  has
	q    *queue
	subs *membership // the first of a list
}

// more is what only some connections have.
type more struct {
	protocol string
	inflater *wsproto.Inflater
	deflater *wsproto.Deflater              // guarded by Conn.mu, if it keeps a context
	turn     atomic.Pointer[transport.Turn] // while Options.Serve runs
	end      *CloseError                    // what Read says in the end
	reads    atomic.Int32                   // how many are in Read
}

// is says how far the owner has come.
type is uint8

const (
	opened   is = 1 << iota // OnOpen has been called, or is being called
	pinged                  // silent, and asked whether it is there
	timed                   // the read deadline is that of the answer to Close, or of what has still to leave
	answered                // the peer has sent Close, or broken a rule: nothing it sends is looked at
	lingers                 // it has broken a rule, and may be sending still
	told                    // OnClose has been called, or is being called
)

// has says what is known of the output.
type has uint16

const (
	batch   has = 1 << iota // a loop runs callbacks: frames wait until it is through
	full                    // the socket has refused: frames wait until it is writable
	closed                  // Close is the last frame of the queue, or has been sent, or will never be
	broken                  // the socket has failed, or was given up
	cut                     // it was given up: nothing is read, either
	ended                   // nothing of the transport's connection may be used
	open                    // a message is being sent in fragments: others wait
	midway                  // its first fragment is in the queue, or has been sent
	awaited                 // the owner waits until the queue is empty
	serving                 // Options.Serve runs
	moved                   // the socket, which had been full, has had room again since the peer was last waited for
	parted                  // its memberships have been ended, and there will be none
)

// session is Conn as the engine sees it.
type session Conn

// Value returns what the handshake's handler has given.
func (c *Conn) Value() any { return c.value }

// Subprotocol returns the one that was agreed on, or "".
func (c *Conn) Subprotocol() string {
	if c.more == nil {
		return ""
	}
	return c.more.protocol
}

// Compressed reports whether permessage-deflate was agreed on.
func (c *Conn) Compressed() bool { return c.more != nil && c.more.inflater != nil }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tc.RemoteAddr()
}

// LocalAddr returns our address.
func (c *Conn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tc.LocalAddr()
}

// departed takes the place of a connection that has ended: the transport may have given its memory to another.
type departed struct {
	transport.Conn // nil
	remote, local  net.Addr
}

func (d *departed) RemoteAddr() net.Addr { return d.remote }
func (d *departed) LocalAddr() net.Addr  { return d.local }

// Queued returns how many bytes and messages wait to be sent.
func (c *Conn) Queued() (bytes, messages int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.q == nil {
		return 0, 0
	}
	return c.q.size, c.q.count
}

// millis is a time of transport.Nanos in milliseconds, for spans of less than 24 days.
func millis(nanos int64) uint32 { return uint32(nanos / int64(time.Millisecond)) }
