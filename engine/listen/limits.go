package listen

import "time"

// Defaults and bounds: unit, what happens at the bound.
const (
	// KeepAliveIdleDefault, KeepAliveIntervalDefault and KeepAliveCountDefault are package net's: a peer that has gone
	// without a word is noticed after 15 s + 9 × 15 s.
	KeepAliveIdleDefault     = 15 * time.Second
	KeepAliveIntervalDefault = 15 * time.Second
	KeepAliveCountDefault    = 9
	// ModeDefault is the mode of a Unix socket's file.
	ModeDefault = 0o600

	// secondsMax bounds what the kernel is told in seconds: it refuses more than 15 bits hold.
	secondsMax = 1<<15 - 1
	// keepAliveCountMax is the kernel's bound.
	keepAliveCountMax = 127
	// queueMax bounds Backlog and FastOpen. The kernel cuts them to net.core.somaxconn.
	queueMax = 1<<16 - 1
	// pathMax bounds the path of a Unix socket in bytes: the place for it in an address has 108, with the zero at its
	// end (104 outside Linux, where the kernel says so).
	pathMax = 107
	// probeTimeout bounds the look whether somebody answers at the path of a Unix socket. A socket that does not answer
	// for so long has a full queue: it is somebody's.
	probeTimeout = time.Second
	// lockTimeout bounds the wait for another program that is opening a socket in the same directory: one that takes longer
	// is none, and not waited for. lockPoll is how often it is looked whether it has finished.
	lockTimeout = 5 * time.Second
	lockPoll    = 5 * time.Millisecond
)
