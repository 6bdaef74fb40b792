package websocket

import "time"

// Defaults of Options' bounds, and the bounds that are fixed: unit, what happens at the bound. Those of what a peer sends are
// wsproto.Limits.
const (
	// QueueBytesDefault and QueueMessagesDefault are the defaults of Options.QueueBytesMax, in bytes, and
	// Options.QueueMessagesMax: Options.Slow says what happens above them.
	QueueBytesDefault    = 1 << 20
	QueueMessagesDefault = 1024
	// PingEveryDefault is the default of Options.PingEvery: proxies forget connections that are silent for a minute or so.
	PingEveryDefault = 50 * time.Second
	// PongTimeoutDefault is the default of Options.PongTimeout: the connection is cut.
	PongTimeoutDefault = 20 * time.Second
	// CloseTimeoutDefault is the default of Options.CloseTimeout: the connection is cut.
	CloseTimeoutDefault = 5 * time.Second
	// SendTimeoutDefault is the default of Options.SendTimeout: the connection is cut.
	SendTimeoutDefault = 30 * time.Second
	// ControlsDefault is the default of Options.ControlsMax: 1008 above.
	ControlsDefault = 100

	// BacklogMax bounds the messages of a Topics that wait for one loop: above it Publish waits; at twice as many the
	// loop's members do without the new one.
	BacklogMax = 1024

	// backlogWait bounds that wait.
	backlogWait = time.Second
	// postsKeep bounds the room for messages that the members of a topic on one loop keep.
	postsKeep = 64

	// batchMax bounds, in bytes, what a loop collects before it writes.
	batchMax = 64 << 10
	// chunkSize is the size in bytes of the pieces in which a queue keeps frames of its own; chunkKeep bounds the piece that
	// an empty queue takes back to the pool, framesKeep the room for frames.
	chunkSize  = 4 << 10
	chunkKeep  = 64 << 10
	framesKeep = 256
	// vecMax bounds the slices that one call gives to the kernel.
	vecMax = 64
	// deliverMax bounds the subscribers that a loop serves before it looks after its other connections.
	deliverMax = 32
	// recallEvery is the pause between two looks for a Read that is about to end.
	recallEvery = time.Millisecond
	// panicStackMax bounds the stack, in bytes, that is logged of a callback that panicked.
	panicStackMax = 64 << 10
)
