package process

import (
	"errors"
	"time"
)

// Usage is CPU time of a process. The sum is exact; user and system only stand to each other as the time spent there, in
// units of the system's choice.
type Usage struct {
	Sum          time.Duration
	user, system int64
	Known        bool
}

// Minus is the time used since o, another reading of the same process.
func (u Usage) Minus(o Usage) Usage {
	return Usage{u.Sum - o.Sum, u.user - o.user, u.system - o.system, u.Known && o.Known}
}

// plus is the time of two processes.
func (u Usage) plus(o Usage) Usage {
	return Usage{u.Sum + o.Sum, u.user + o.user, u.system + o.system, o.Known}
}

// Split divides the sum into user and system time. It reports false if too little was used to tell.
func (u Usage) Split() (user, system time.Duration, ok bool) {
	units := u.user + u.system
	if units <= 0 {
		return 0, 0, false
	}
	user = time.Duration(float64(u.Sum) * float64(u.user) / float64(units))
	return user, u.Sum - user, true
}

// ErrUnmeasured says that this system does not tell.
var ErrUnmeasured = errors.New("cannot be measured on this system")
