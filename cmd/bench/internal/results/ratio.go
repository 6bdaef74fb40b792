package results

import (
	"fmt"
	"math"
	"slices"
)

// Metric is one column of the comparison.
type Metric int

const (
	PerSecond   Metric = iota // requests a second
	P50                       // µs
	P99                       // µs
	CPU                       // µs of the server's CPU time per request
	IdleBytes                 // resident bytes per idle connection
	User                      // µs of CPU time in the program, per request
	System                    // µs in the kernel, per request
	RSS                       // resident bytes at the end of the load
	Voluntary                 // context switches per request because there was nothing to do
	Involuntary               // because another had its turn
	P90                       // µs
	P999                      // µs
	P9999                     // µs
	BytesIn                   // received by the load, a second
	Capacity                  // requests a second in a closed loop, of which an open one is a share
	CalmP99                   // µs, of the run without the subscriber that stops reading
	Handshakes                // that a second of the server's CPU time is enough for
	Metrics                   // how many there are
)

// Sample is what one round measured. NaN: not measured.
type Sample [Metrics]float64

// NoSample is a round in which nothing was measured.
func NoSample() (s Sample) {
	for i := range s {
		s[i] = math.NaN()
	}
	return s
}

// Values is one metric of all rounds, in order.
func Values(rounds []Sample, m Metric) (values []float64) {
	for _, s := range rounds {
		if !math.IsNaN(s[m]) {
			values = append(values, s[m])
		}
	}
	return values
}

// Median is NaN of nothing.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// Spread is half of what the values differ by, relative to their median: of all of them, from trimRounds on of the middle half.
// NaN of fewer than two.
func Spread(values []float64) float64 {
	if len(values) < 2 {
		return math.NaN()
	}
	low, high := Middle(values)
	return (high - low) / 2 / Median(values)
}

// Middle is the least and the greatest of the values, which are one or more: of all of them, from trimRounds on of the middle
// half.
func Middle(values []float64) (low, high float64) {
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

// Ratio compares a server with the base. Each round gives one ratio, of two measurements that were made one right after
// the other; so what the machine does over the minutes is in both, and cancels.
type Ratio struct {
	median   float64
	min, max float64 // of all rounds; from trimRounds on, of the middle half
	rounds   int
}

// NewRatio compares the rounds of a server with those of the base. It reports false if no round has the metric for both.
func NewRatio(base, other []Sample, m Metric) (Ratio, bool) {
	var rs []float64
	for i := range min(len(base), len(other)) {
		if b, o := base[i][m], other[i][m]; b > 0 && o > 0 { // NaN is not
			rs = append(rs, o/b)
		}
	}
	if len(rs) == 0 {
		return Ratio{}, false
	}
	low, high := Middle(rs)
	return Ratio{Median(rs), low, high, len(rs)}, true
}

// trimRounds is the number of rounds from which on min and max are those of the middle half. Of all rounds they would grow with
// their number: more rounds, which are the remedy on a machine that others use, would never settle anything.
const trimRounds = 8

// spread is half of what those rounds differ by, relative to the median.
func (r Ratio) spread() float64 { return (r.max - r.min) / 2 / r.median }

// Swallowed reports whether the rounds disagree on which server is better. Such a ratio says nothing.
func (r Ratio) Swallowed() bool {
	return r.rounds > 1 && (r.min <= 1 && 1 <= r.max || r.spread() >= math.Abs(r.median-1)/r.median)
}

// String is the ratio with its spread, or ~ where that swallows it.
func (r Ratio) String() string {
	if r.Swallowed() {
		return "~"
	}
	return times(r.median, r.spread(), r.rounds > 1)
}

// times shows a ratio, one far below one, as memory has it, with more digits.
func times(median, spread float64, withSpread bool) string {
	digits := 2
	if median < 0.1 {
		digits = 3
	}
	text := fmt.Sprintf("%.*f×", digits, median)
	if withSpread {
		text += fmt.Sprintf(" ±%.0f%%", 100*spread)
	}
	return text
}

// result is the ratio as the file has it.
func (r Ratio) result() *RatioResult {
	if r.Swallowed() {
		return &RatioResult{Spread: r.spread(), Swallowed: true}
	}
	return &RatioResult{Median: &r.median, Spread: r.spread()}
}
