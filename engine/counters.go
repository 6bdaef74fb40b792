package engine

import "sync/atomic"

// Counters count since the Server was made, except Open.
type Counters struct {
	Accepted uint64 // connections
	Open     uint64 // connections now, hijacked ones not included
	Requests uint64 // requests that reached the Handler
	Refused  uint64 // heads that the engine answered with an error
	Hijacked uint64 // connections taken out of the server
	Upgraded uint64 // connections that went over to another protocol
	Panics   uint64 // handlers that ended by a panic that reached the engine, or by runtime.Goexit

	HandshakesFailed uint64 // of TLS, for whatever reason
}

// counters are written by all goroutines that serve. What happens for every request is spread over cache lines, or
// the loops would wait for each other's.
type counters struct {
	accepted, refused, hijacked, upgraded, panics atomic.Uint64
	handshakesFailed                              atomic.Uint64
	open                                          atomic.Int64

	requests [counterShards]struct {
		n atomic.Uint64
		_ [56]byte
	}
}

const counterShards = 8

func (c *counters) read() Counters {
	out := Counters{
		Accepted: c.accepted.Load(),
		Open:     uint64(max(0, c.open.Load())),
		Refused:  c.refused.Load(),
		Hijacked: c.hijacked.Load(),
		Upgraded: c.upgraded.Load(),
		Panics:   c.panics.Load(),

		HandshakesFailed: c.handshakesFailed.Load(),
	}
	for i := range c.requests {
		out.Requests += c.requests[i].n.Load()
	}
	return out
}
