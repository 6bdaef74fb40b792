package main

import "time"

// measured is what one group did in a round.
type measured struct {
	sample Sample
	tally  *Tally
}

// rate sets what the load saw of the group.
func (m *measured) rate(elapsed time.Duration) {
	s, t := &m.sample, m.tally
	s[PerSecond] = float64(t.Requests) / elapsed.Seconds()
	s[BytesIn] = float64(t.Bytes) / elapsed.Seconds()
	for m, q := range map[Metric]float64{P50: 50, P90: 90, P99: 99, P999: 99.9, P9999: 99.99} {
		s[m] = t.Quantile(q)
	}
}

// process sets what the server's process used for requests.
func (m *measured) process(used State, requests uint64) {
	s, n := &m.sample, float64(requests)
	if used.CPU.Known {
		s[CPU] = float64(used.CPU.Sum) / 1e3 / n
		if u, sy, ok := used.CPU.Split(); ok {
			s[User], s[System] = float64(u)/1e3/n, float64(sy)/1e3/n
		}
	}
	if used.Switches {
		s[Voluntary], s[Involuntary] = float64(used.Voluntary)/n, float64(used.Involuntary)/n
	}
}
