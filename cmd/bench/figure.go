package main

import "math"

// newFigure is a metric of all rounds of a server, and its ratio to the base's rounds: nil for the base itself. It reports false if the
// metric was not measured.
func newFigure(rounds, base []sample, m metric) (one metricResult, ok bool) {
	values := column(rounds, m)
	if len(values) == 0 {
		return one, false
	}
	one = metricResult{Median: median(values), Rounds: values}
	if d := spread(values); !math.IsNaN(d) && !math.IsInf(d, 0) {
		one.Spread = &d
	}
	if base != nil {
		one.Ratio = ratioOf(base, rounds, m)
	}
	return one, true
}

func ratioOf(base, other []sample, m metric) *ratioResult {
	ra, ok := newRatio(base, other, m)
	if !ok {
		return nil
	}
	res := &ratioResult{Spread: ra.spread(), Swallowed: ra.swallowed()}
	if !res.Swallowed {
		res.Median = &ra.median
	}
	return res
}
