package results

import "math"

// NewFigure is a metric of all rounds of a server, and its ratio to the base's rounds: nil for the base itself. It reports
// false if the metric was not measured.
func NewFigure(rounds, base []Sample, m Metric) (one Figure, ok bool) {
	values := Values(rounds, m)
	if len(values) == 0 {
		return one, false
	}
	one = Figure{Median: Median(values), Rounds: values}
	if d := Spread(values); !math.IsNaN(d) && !math.IsInf(d, 0) {
		one.Spread = &d
	}
	if ra, ok := NewRatio(base, rounds, m); ok {
		one.Ratio = ra.result()
	}
	return one, true
}
