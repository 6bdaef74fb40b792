package epoll

import "time"

// Bounds of a runner. What happens at each stands beside it.
const (
	// loopsMax bounds Options.Loops: New refuses more.
	loopsMax = 256
	// eventsPerTurn bounds one poll of a loop; the rest is polled in the next turn.
	eventsPerTurn = 256
	// acceptsPerTurn bounds the connections one loop accepts before it serves the others.
	acceptsPerTurn = 32
	// acceptSkew is how many connections more than the emptiest loop a loop may have before it passes a
	// new one on.
	acceptSkew = 8
	// acceptPauseMin and acceptPauseMax bound the pause, doubling, after accept found no descriptor or no memory.
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
	// scratchLentMax bounds the large scratch buffers that handlers keep whose baton was taken
	// (scratchLentMax * transport.BufferLarge = 4 MiB). Above it, every request starts on its own goroutine,
	// which needs none.
	scratchLentMax = 64
	// sparesMax bounds the parked goroutines kept for the next hand-over; more than this end.
	sparesMax = 64
	// outPerTurn bounds the output of one connection in a turn, in bytes: pipelined requests for more, whose answers are taken as
	// fast as they are made, wait until the loop's other connections have had theirs.
	outPerTurn = 1 << 20
	// outKeepMax bounds the output buffer in bytes that a goroutine keeps from one turn to the next.
	outKeepMax = 128 << 10
	// withHeadMax bounds the part of a file, in bytes, with whose first bytes the output before it shares a segment. That
	// saves waking the peer once, some 6 % of a file of 100,000 bytes, but was measured to cost a sixth more CPU over
	// loopback for one of 10 MiB.
	withHeadMax = 256 << 10
	// inputMax bounds a connection's input buffer in bytes. The session's own limits on heads are far below.
	inputMax = 1 << 30

	// monitorTick is how often the monitor looks: a handler seen in two looks, 1 to 2 ms apart, loses the baton.
	monitorTick = time.Millisecond
	// monitorQuiet is how many looks without a handler let the monitor sleep until the next one.
	monitorQuiet = 16
	// yieldEvery bounds how long a busy loop runs before it lets the other goroutines of its P run.
	yieldEvery = 50 * time.Microsecond
	// cycleEvery bounds how long a busy loop goes without a trip through the runtime's poller, where the sockets
	// of package net wait; cycleEveryLent is the same while handlers are out that may wait for them.
	cycleEvery     = time.Millisecond
	cycleEveryLent = 100 * time.Microsecond
	// sweepWait bounds how long CloseIdle waits for loops, which take microseconds unless they are held up in a hook.
	sweepWait = 20 * time.Millisecond
	// deadlineNear is more than a turn takes: a write deadline that is further away from the turn's beginning has not
	// passed at its end.
	deadlineNear = 100 * time.Millisecond
	// watchEvery is how often a listener, and connections with a net.Conn that hooks can close, are asked whether
	// they are still open: package net gives no event for that.
	watchEvery = 100 * time.Millisecond
)
