package main

import (
	"errors"
	"time"
)

// usage is CPU time of a process.
type usage struct {
	user, system time.Duration
	known        bool
}

func (u usage) total() time.Duration { return u.user + u.system }

// minus is the time used since o, another reading of the same process.
func (u usage) minus(o usage) usage {
	return usage{u.user - o.user, u.system - o.system, u.known && o.known}
}

// errUnmeasured says that this system does not tell.
var errUnmeasured = errors.New("cannot be measured on this system")
