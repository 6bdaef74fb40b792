// Package fuzz holds the fuzz targets and seeded runs that cross packages; those of a single package stand beside it.
//
// TestSessions and FuzzSession run whole servers, their loops and their clients on the simulator of internal/netio: a
// seed is a run, and a seed that fails is printed with the command that plays it again. FuzzRequests compares what the
// engine understands of a connection with what net/http does; FuzzChunkedBothWays lets the two codings of bodies read
// each other. FuzzSelftest is meant to fail, so that those who run the others know that a failure is seen.
//
//	PEREGRINE_SEEDS=10000 go test ./fuzz -run TestSessions    seeds 1 to 10,000
//	PEREGRINE_SEED=17 go test ./fuzz -run TestSessions -v     seed 17 alone, with every call of the kernel
//
// Invariant: each property is stated from the client's side. What a server may answer is worked out from what was
// asked, never from what the server says of itself.
package fuzz
