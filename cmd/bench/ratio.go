package main

import (
	"fmt"
	"math"
	"slices"
)

// metric is one column of the comparison.
type metric int

const (
	perSecond   metric = iota // requests a second
	p50                       // µs
	p99                       // µs
	cpu                       // µs of the server's CPU time per request
	idleBytes                 // resident bytes per idle connection
	user                      // µs of CPU time in the program, per request
	system                    // µs in the kernel, per request
	rss                       // resident bytes at the end of the load
	voluntary                 // context switches per request because there was nothing to do
	involuntary               // because another had its turn
	p90                       // µs
	p999                      // µs
	p9999                     // µs
	bytesIn                   // received by the load, a second
	capacity                  // requests a second in a closed loop, of which an open one is a share
	calmP99                   // µs, of the run without the subscriber that stops reading
	handshakes                // that a second of the server's CPU time is enough for
	metrics
)

// sample is what one round measured. NaN: not measured.
type sample [metrics]float64

func noSample() (s sample) {
	for i := range s {
		s[i] = math.NaN()
	}
	return s
}

// column is one metric of all rounds, in order.
func column(rounds []sample, m metric) (values []float64) {
	for _, s := range rounds {
		if !math.IsNaN(s[m]) {
			values = append(values, s[m])
		}
	}
	return values
}

// median is NaN of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// spread is half of what the values differ by, relative to their median: of all of them, from trimRounds on of the middle half.
// NaN of fewer than two.
func spread(values []float64) float64 {
	if len(values) < 2 {
		return math.NaN()
	}
	low, high := middle(values)
	return (high - low) / 2 / median(values)
}

// middle is the least and the greatest of the values, which are one or more: of all of them, from trimRounds on of the middle half.
func middle(values []float64) (low, high float64) {
	v := slices.Sorted(slices.Values(values))
	out := trimmed(len(v))
	return v[out], v[len(v)-1-out]
}

// trimmed is how many of n ordered values are left out at each end.
func trimmed(n int) int {
	if n >= trimRounds {
		return n / 4
	}
	return 0
}

// ratio compares a server with the base. Each round gives one ratio, of two measurements that were made one right after
// the other; so what the machine does over the minutes is in both, and cancels.
type ratio struct {
	median   float64
	min, max float64 // of all rounds; from trimRounds on, of the middle half
	rounds   int
}

func newRatio(base, other []sample, m metric) (ratio, bool) {
	var rs []float64
	for i := range min(len(base), len(other)) {
		if b, o := base[i][m], other[i][m]; b > 0 && o > 0 { // NaN is not
			rs = append(rs, o/b)
		}
	}
	if len(rs) == 0 {
		return ratio{}, false
	}
	low, high := middle(rs)
	return ratio{median(rs), low, high, len(rs)}, true
}

// trimRounds is the number of rounds from which on min and max are those of the middle half. Of all rounds they would grow with
// their number: more rounds, which are the remedy on a machine that others use, would never settle anything.
const trimRounds = 8

// spread is half of what those rounds differ by, relative to the median.
func (r ratio) spread() float64 { return (r.max - r.min) / 2 / r.median }

// swallowed reports whether the rounds disagree on which server is better. Such a ratio says nothing.
func (r ratio) swallowed() bool {
	return r.rounds > 1 && (r.min <= 1 && 1 <= r.max || r.spread() >= math.Abs(r.median-1)/r.median)
}

func (r ratio) String() string {
	switch {
	case r.swallowed():
		return "~"
	case r.rounds == 1:
		return fmt.Sprintf("%.*f×", r.digits(), r.median)
	}
	return fmt.Sprintf("%.*f× ±%.0f%%", r.digits(), r.median, 100*r.spread())
}

// digits shows a ratio far below one, as memory has it, with more of them.
func (r ratio) digits() int {
	if r.median < 0.1 {
		return 3
	}
	return 2
}
