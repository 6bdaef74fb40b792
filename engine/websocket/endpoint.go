package websocket

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/wsproto"
)

// Message is a text or binary message.
type Message struct {
	Opcode wsproto.Opcode // wsproto.Text or wsproto.Binary
	Data   []byte         // of a Text that was received: valid UTF-8. Of one that is sent it is the program's word
}

// Slow is what happens to a message for which the queue of its connection has no room.
type Slow uint8

const (
	// Wait has Send wait until there is room, for Options.SendTimeout at most. Messages of topics never wait, since others
	// would wait with them: they are dropped, the newest first.
	Wait Slow = iota
	// DropOldest drops the oldest message of the queue, and the next, until there is room. What has begun to leave stays,
	// and the newest message is taken behind it even if that is above the bounds.
	DropOldest
	// DropNewest drops the message.
	DropNewest
	// Disconnect drops the whole queue and closes the connection with code 1013 (Try Again Later).
	Disconnect
)

// Options say what an Endpoint does. A field that is zero means its default; a negative time means none.
type Options struct {
	// OnOpen is called first, once, when the answer to the handshake has been sent.
	OnOpen func(c *Conn)
	// OnMessage is called for each message, in order. m.Data is valid until it returns.
	OnMessage func(c *Conn, m Message)
	// OnPong is called when a Ping of PingEvery or Conn.Ping has been answered, with the time that took.
	OnPong func(c *Conn, rtt time.Duration)
	// OnClose is called last, exactly once. The code and the reason are the peer's; or those that it was sent because it
	// broke a rule; or wsproto.Abnormal, if the connection has ended without a Close. It is no member of topics any more,
	// and nothing can be sent. Where the connection has ended by itself this may be on a goroutine of its own.
	OnClose func(c *Conn, code wsproto.CloseCode, reason string)
	// Serve is the other style: it runs on a goroutine of its own for as long as the connection is open, and takes messages
	// with Conn.Read or Conn.Messages. Nothing that the peer says is heard while it does not read: no Ping is answered, no Close,
	// and no deadline but SendTimeout ends the connection. When it returns the connection is closed with code 1000, unless
	// it is closed already. Not together with OnMessage.
	Serve func(c *Conn)

	// Subprotocols are those that are spoken; of those that the client offers, its first is chosen. Default: none.
	Subprotocols []string
	// Origins are the hosts whose pages may connect, with the port unless it is the scheme's: "example.com". Default: the
	// host that the request is made to. "*": any. Clients that are no browsers send no origin, and may connect.
	Origins []string

	// Compression is the level of permessage-deflate, 1 (fast) to 9 (small). Default 0: no compression.
	Compression int
	// ContextTakeover has messages refer to those before them, which compresses small ones better, at 8 KB a connection to
	// send and up to 32 KB to receive. Since they refer to each other they are compressed one after the other, and the
	// connection's loop may have to wait for one of them. Not together with DropOldest and DropNewest.
	ContextTakeover bool

	// Limits bound what a peer can send.
	Limits wsproto.Limits
	// ControlsMax bounds the control frames that a peer may send in a second: 1008 above. Default ControlsDefault; at most
	// 65,535.
	ControlsMax int
	// QueueBytesMax and QueueMessagesMax bound what waits to be sent on a connection; a message that is longer than
	// QueueBytesMax is taken by an empty queue. As many fragments and control frames as messages may wait besides.
	// Defaults QueueBytesDefault and QueueMessagesDefault.
	QueueBytesMax    int
	QueueMessagesMax int
	// Slow says what happens to messages above that. Default: Wait.
	Slow Slow

	// PingEvery is how long a peer may be silent before it is sent a Ping. Default PingEveryDefault.
	PingEvery time.Duration
	// PongTimeout is how long it may be silent after that before the connection is cut, and take nothing of what waits to be
	// sent. Default PongTimeoutDefault.
	PongTimeout time.Duration
	// CloseTimeout bounds the wait for the answer to a Close. Default CloseTimeoutDefault.
	CloseTimeout time.Duration
	// SendTimeout bounds the wait of Send for room in the queue. Then the connection is cut. Default SendTimeoutDefault.
	SendTimeout time.Duration

	// Logger gets a line for each connection that broke a rule (debug), and for each callback that panicked (error).
	// Default slog.Default.
	Logger *slog.Logger
}

// Counters are what has happened at an Endpoint since it was made.
type Counters struct {
	Open    int64  // connections that are open now
	Opened  uint64 // connections that have been opened
	Refused uint64 // handshakes that were not accepted
	Broken  uint64 // connections that were closed because the peer broke a rule
	Dropped uint64 // messages that were not sent, or are lost in a queue, because of Options.Slow
}

// Endpoint is what the connections of a route have in common. Make it once, with New; any goroutine may use it.
type Endpoint struct {
	o      Options
	reader *wsproto.ReaderConfig
	params wsproto.Params
	key    []byte // names the callbacks to the transport, which remembers those that take long
	counts struct {
		open                             atomic.Int64
		opened, refused, broken, dropped atomic.Uint64
	}
}

var endpoints atomic.Uint32

// New makes an Endpoint. It panics for options that make no sense, with the option's name.
func New(o Options) *Endpoint {
	if o.Serve != nil && o.OnMessage != nil {
		panic("websocket: Options has both Serve and OnMessage")
	}
	if o.Compression < 0 || o.Compression > 9 {
		panic(fmt.Sprintf("websocket: Options.Compression is %d: want 0 to 9", o.Compression))
	}
	if o.Slow > Disconnect {
		panic(fmt.Sprintf("websocket: Options.Slow is %d: want Wait, DropOldest, DropNewest or Disconnect", o.Slow))
	}
	for _, host := range o.Origins {
		if host == "" || strings.Contains(host, "/") {
			panic(fmt.Sprintf("websocket: Options.Origins has %q: want a host alone, or *", host)) // which no page could have
		}
	}
	if o.ContextTakeover && (o.Slow == DropOldest || o.Slow == DropNewest) {
		panic("websocket: Options.ContextTakeover: messages that refer to others cannot be dropped: want Slow to be Wait or Disconnect")
	}
	number(&o.ControlsMax, "ControlsMax", ControlsDefault)
	o.ControlsMax = min(o.ControlsMax, math.MaxUint16)
	number(&o.QueueBytesMax, "QueueBytesMax", QueueBytesDefault)
	number(&o.QueueMessagesMax, "QueueMessagesMax", QueueMessagesDefault)
	duration(&o.PingEvery, PingEveryDefault)
	duration(&o.PongTimeout, PongTimeoutDefault)
	duration(&o.CloseTimeout, CloseTimeoutDefault)
	duration(&o.SendTimeout, SendTimeoutDefault)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	e := &Endpoint{o: o, reader: wsproto.NewReaderConfig(wsproto.Server, o.Limits, buffers{})}
	e.params = wsproto.Params{ServerNoContextTakeover: !o.ContextTakeover, ClientNoContextTakeover: !o.ContextTakeover}
	e.key = word(endpoints.Add(1))
	return e
}

func number(v *int, name string, byDefault int) {
	if *v < 0 {
		panic(fmt.Sprintf("websocket: Options.%s is %d: want a positive number", name, *v))
	}
	if *v == 0 {
		*v = byDefault
	}
}

func duration(v *time.Duration, byDefault time.Duration) {
	if *v == 0 {
		*v = byDefault
	}
}

// word makes a name of letters: a path whose numbers would be folded together names all endpoints.
func word(n uint32) []byte {
	w := []byte("/")
	for ; n > 0; n /= 20 {
		w = append(w, "bcdfghjklmnpqrstvwxz"[n%20])
	}
	return w
}

// Counters returns what has happened so far.
func (e *Endpoint) Counters() Counters {
	n := &e.counts
	return Counters{Open: n.open.Load(), Opened: n.opened.Load(), Refused: n.refused.Load(), Broken: n.broken.Load(),
		Dropped: n.dropped.Load()}
}
