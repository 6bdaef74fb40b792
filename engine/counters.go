package engine

// Counters count since the Server was made, except Open.
type Counters struct {
	Accepted uint64 // connections
	Open     uint64 // connections now, hijacked ones not included
	Requests uint64 // complete heads that reached the Handler
	Refused  uint64 // heads answered by the engine with an error
	Hijacked uint64 // connections
	Panics   uint64 // handlers that ended by panic or runtime.Goexit
}
