package engine

import "time"

// Bounds of a server and its connections: unit, default, what happens at the bound, who owns it. Those that belong to a
// Server's field are its defaults; the others are fixed. Bounds of buffers and waits below the connection stand in
// package transport (OutHigh, LingerTimeout, the buffer sizes) and in the transports; those of a body's chunks in
// package httpparse.
const (
	// LoopsMax bounds Server.Loops: Serve refuses more.
	LoopsMax = 256
	// HeadBytesDefault is the default of Server.HeadBytesMax in bytes: 431 above. One connection's input buffer
	// grows to at most the next power of two above it while a head is arriving.
	HeadBytesDefault = 64 << 10
	// HeadBytesLimit bounds Server.HeadBytesMax in bytes: Serve refuses more, since a head is addressed by 32 bits.
	HeadBytesLimit = 1 << 30

	// discardMax bounds the rest of a body, in bytes as sent, that the connection reads away after the handler has
	// returned, to keep the connection: above it the connection lingers and ends. It is net/http's figure.
	discardMax = 256 << 10
	// directReadMin is the size in bytes from which a handler's buffer is read into directly.
	directReadMin = 4 << 10

	// parserFieldsKeep bounds the field slice, in fields, that a parser keeps when it goes back to its pool.
	parserFieldsKeep = 256

	// shutdownPoll is how often Shutdown asks for idle connections again: only those need it that never sent a byte
	// and become idle by age.
	shutdownPoll = 200 * time.Millisecond
	// freshIdleAfter is the age at which a connection that has not sent a byte counts as idle, so that Shutdown need
	// not wait for it: a client that connects ahead of its need gets the time to use it. It is net/http's figure.
	freshIdleAfter = 5 * time.Second

	// recallPauseMax is the longest pause between two looks for a goroutine that is about to leave a call which has been cut.
	recallPauseMax = 10 * time.Millisecond

	// panicStackMax bounds the stack, in bytes, that is reported of a handler that panicked.
	panicStackMax = 64 << 10
)
