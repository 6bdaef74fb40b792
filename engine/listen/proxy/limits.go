package proxy

import "time"

// Bounds: unit, default, what happens at the bound.
const (
	// TimeoutDefault is the default of Config.Timeout, from accept to the end of the header: the connection is closed.
	// A sender sends its header at once and whole.
	TimeoutDefault = 5 * time.Second
	// HeaderBytesMax bounds a header in bytes: the connection is closed. The addresses of version 2 take 16 to 232; the rest
	// is for what follows them, of which a client's certificate is the largest, with 1 to 2 KiB. Version 1 has a bound
	// of its own.
	HeaderBytesMax = 4 << 10

	// lineMax bounds a header of version 1 in bytes, as the protocol does.
	lineMax = 107
	// logLines bounds the lines of the log in each logWindow: the others are counted, and their number stands in the next
	// line that is written.
	logLines  = 10
	logWindow = 10 * time.Second
	// readAhead is the least space, in bytes, for what Accept's connections read of header and what follows it.
	readAhead = 512
)
