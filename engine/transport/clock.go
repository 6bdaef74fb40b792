package transport

import "time"

// Deadlines are kept as numbers, of eight bytes and to be changed by any goroutine: nanoseconds since clock. They follow Go's
// monotonic clock, as package net's do, so that a wall clock that is set cuts no connection and keeps none alive.

// clock is the Unix epoch, as the wall clock had it when the process began. In a bubble of testing/synctest, where there is no
// monotonic clock, it is that epoch too.
var clock = func() time.Time {
	now := time.Now()
	return now.Add(-time.Duration(now.UnixNano()))
}()

// Clock returns the time now, in nanoseconds as Nanos counts them.
func Clock() int64 { return int64(time.Since(clock)) }

// Nanos returns a time in Unix nanoseconds of a clock that nobody has set since the process began: 0 for the zero time, which as
// a deadline is none, and for no other. A time without a monotonic reading, as time.Unix makes it, is as far away as the wall
// clock says at this moment. Times before 1970 are as good as its first nanosecond, and there is nothing after the year 2116, so
// that days may be added without overflow: timeouts that mean "never" are as long as a Duration can be.
func Nanos(at time.Time) int64 {
	const last = 1 << 62
	switch {
	case at.IsZero():
		return 0
	case at == at.Round(0): // which takes the reading off
		return min(max(Clock()+min(int64(time.Until(at)), last), 1), last)
	}
	return min(max(int64(at.Sub(clock)), 1), last)
}

// Time returns the time that Nanos has made nanos of, or one as good as that.
func Time(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return clock.Add(time.Duration(nanos))
}

// Passed reports whether a deadline, as Nanos returns it, has passed. That it is none never has.
func Passed(deadline int64) bool { return deadline != 0 && Clock() >= deadline }
