package native

import "time"

// Defaults of Server's bounds, and the bounds that are fixed: unit, what happens at the bound.
const (
	// HeadBytesDefault is the default of Server.HeadBytesMax in bytes: 431 above.
	HeadBytesDefault = 16 << 10
	// TargetBytesDefault is the default of Server.TargetBytesMax in bytes: 414 above.
	TargetBytesDefault = 8 << 10
	// BodyBytesDefault is the default of Server.BodyBytesMax in bytes: 413 above.
	BodyBytesDefault = 4 << 20
	// BodyRateDefault is the default of Server.BodyRateMin in bytes a second: 408 below.
	BodyRateDefault = 240

	// Defaults of Server's timeouts.
	ReadHeaderTimeoutDefault = 10 * time.Second
	BodyTimeoutDefault       = 10 * time.Second
	WriteTimeoutDefault      = 60 * time.Second
	IdleTimeoutDefault       = 75 * time.Second

	// draftMax is how much of a body is collected, in bytes, before the head is made: what is not longer gets a
	// Content-Length, what is longer is sent in chunks.
	draftMax = 16 << 10
	// appendMax is the size in bytes up to which a piece of a body is copied into the output; a larger one is sent from
	// where it lies, which takes the handler off the loop.
	appendMax = 32 << 10
	// scratchKeep bounds each scratch buffer, in bytes, that a goroutine keeps from one request to the next.
	scratchKeep = 64 << 10
	// pairsKeep is the same bound for the pairs of a query, which have 48 bytes each.
	pairsKeep = scratchKeep / 48
	// panicStackMax bounds the stack, in bytes, that is logged of a handler that panicked.
	panicStackMax = 64 << 10
)
