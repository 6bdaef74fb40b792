package load

import (
	"math"
	"sync/atomic"
	"time"
)

// schedule says when the requests of an open loop are due: at even distances, whatever the server does. Whoever is free takes
// the next one, so that one which is late is sent late, and is not left out.
type schedule struct {
	start int64   // when the first is due, in nanoseconds of the run
	every float64 // nanoseconds
	next  atomic.Int64
	from  *atomic.Int64 // the latency of what is due from then on is measured
	met   atomic.Int64  // when last nothing was late: somebody was free, and had to wait for the next
}

func newSchedule(rate float64, start int64, from *atomic.Int64) *schedule {
	return &schedule{start: start, every: float64(time.Second) / rate, from: from}
}

// take returns when the next request is due, which may be past. It is the caller's to send. Any goroutine.
func (s *schedule) take() int64 { return s.due(s.next.Add(1) - 1) }

func (s *schedule) due(k int64) int64 { return s.start + int64(float64(k)*s.every) }

// first is the number of the first request that is due at t or later.
func (s *schedule) first(t int64) int64 {
	return max(0, int64(math.Ceil(float64(t-s.start)/s.every)))
}

// between is how many are due from one time on and before another.
func (s *schedule) between(from, to int64) int64 { return max(0, s.first(to)-s.first(from)) }

// lateStepsMax bounds the entries by which left describes any number of requests.
const lateStepsMax = 100_000

// left notes the requests of from to end that nobody has taken: they would have to wait at least until end. To be called when
// nobody takes any more.
func (s *schedule) left(t *Tally, from, end int64) {
	k, last := max(s.next.Load(), s.first(from)), s.first(end)
	step := (last-k)/lateStepsMax + 1
	for ; k < last; k += step {
		t.lateBy(end-s.due(k), min(step, last-k))
	}
}
