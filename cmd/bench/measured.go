package main

import "time"

// measured is what one group did in a round.
type measured struct {
	sample sample
	tally  *tally
}

// rate sets what the load saw of the group.
func (m *measured) rate(elapsed time.Duration) {
	s, t := &m.sample, m.tally
	s[perSecond] = float64(t.requests) / elapsed.Seconds()
	s[bytesIn] = float64(t.bytes) / elapsed.Seconds()
	for m, q := range map[metric]float64{p50: 50, p90: 90, p99: 99, p999: 99.9, p9999: 99.99} {
		s[m] = t.quantile(q)
	}
}

// process sets what the server's process used for requests.
func (m *measured) process(used processState, requests uint64) {
	s, n := &m.sample, float64(requests)
	if used.cpu.known {
		s[cpu] = float64(used.cpu.sum) / 1e3 / n
		if u, sy, ok := used.cpu.split(); ok {
			s[user], s[system] = float64(u)/1e3/n, float64(sy)/1e3/n
		}
	}
	if used.switches {
		s[voluntary], s[involuntary] = float64(used.voluntary)/n, float64(used.involuntary)/n
	}
}
