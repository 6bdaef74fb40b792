package portable

import "time"

const (
	// acceptPauseMin and acceptPauseMax bound the pause, doubling, after a temporary error of Accept.
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
	// inputMax bounds a connection's input buffer in bytes. The session's own limits on heads are far below.
	inputMax = 1 << 30
	// aheadSize is the buffer of a read in the background, in bytes: enough for the head of a small request that a
	// client sends without waiting for the answer to the last one.
	aheadSize = 512
	// emptyReadsMax bounds reads in a row that return neither bytes nor an error.
	emptyReadsMax = 100
	// outKeepMax bounds the output buffer, in bytes, that goes back to the pool.
	outKeepMax = 128 << 10
	// lookTime is how long a connection that is closed for being idle looks once more for a request. One that has come is
	// there at once; the rest is for a goroutine that does not get its core at once.
	lookTime = 20 * time.Millisecond
	// retireMax bounds how long that, and the end of its wait, may take.
	retireMax = 500 * time.Millisecond
	// discardSize is the buffer of Linger, in bytes.
	discardSize = 4 << 10
)
