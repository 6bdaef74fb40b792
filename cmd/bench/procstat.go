package main

import (
	"errors"
	"time"
)

// usage is CPU time of a process. The sum is exact; user and system only stand to each other as the time spent there, in
// units of the system's choice.
type usage struct {
	sum          time.Duration
	user, system int64
	known        bool
}

// minus is the time used since o, another reading of the same process.
func (u usage) minus(o usage) usage {
	return usage{u.sum - o.sum, u.user - o.user, u.system - o.system, u.known && o.known}
}

// plus is the time of two processes.
func (u usage) plus(o usage) usage {
	return usage{u.sum + o.sum, u.user + o.user, u.system + o.system, o.known}
}

// split divides the sum into user and system time. It reports false if too little was used to tell.
func (u usage) split() (user, system time.Duration, ok bool) {
	units := u.user + u.system
	if units <= 0 {
		return 0, 0, false
	}
	user = time.Duration(float64(u.sum) * float64(u.user) / float64(units))
	return user, u.sum - user, true
}

// errUnmeasured says that this system does not tell.
var errUnmeasured = errors.New("cannot be measured on this system")
