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
	HandshakeTimeoutDefault  = 10 * time.Second

	// JSONDepthMax bounds how deep arrays and objects of a body may be nested: 400 above. A type takes some four slots
	// of the 4096 that sonic has for each level.
	JSONDepthMax = 1000
	// FormPairsMax bounds the fields of a form that is encoded as a query: 413 above. Each takes 48 bytes.
	FormPairsMax = 10_000
	// PartsMax bounds the parts of a multipart body: 413 above.
	PartsMax = 1000
	// PartHeaderBytesMax bounds the head of a part in bytes: 413 above.
	PartHeaderBytesMax = 8 << 10
	// MultipartMemoryDefault is how many bytes of a multipart form are kept in memory unless MultipartForm is told
	// another number; what is more goes to the disk (uploads), or gives 413.
	MultipartMemoryDefault = 1 << 20
	// EventsHeartbeatDefault is the default of EventsOptions.Heartbeat: many proxies give up after 30 or 60 seconds.
	EventsHeartbeatDefault = 15 * time.Second

	// ProxyHopsMax bounds the trusted proxies that one request may have come through: above it, its client is unknown.
	ProxyHopsMax = 16

	// draftMax is how much of a body is collected, in bytes, before the head is made: what is not longer gets a
	// Content-Length, what is longer is sent in chunks.
	draftMax = 16 << 10
	// appendMax is the size in bytes up to which a piece of a body is copied into the output; a larger one is sent from
	// where it lies, which takes the handler off the loop.
	appendMax = 32 << 10
	// scratchKeep bounds each scratch buffer, in bytes, that a goroutine keeps from one request to the next.
	scratchKeep = 64 << 10
	// bodyRoomFirst is how many bytes are allocated at once for a body that declares as many; bodyRoomMin for one in chunks.
	bodyRoomFirst = scratchKeep
	bodyRoomMin   = 512
	// pairsKeep is the same bound for the pairs of a query, which have 48 bytes each.
	pairsKeep = scratchKeep / 48
	// panicStackMax bounds the stack, in bytes, that is logged of a handler that panicked.
	panicStackMax = 64 << 10
)
