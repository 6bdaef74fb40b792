package compare

import (
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// measured is what one group did in a round.
type measured struct {
	sample results.Sample
	tally  *load.Tally
}

// rate sets what the load saw of the group.
func (m *measured) rate(elapsed time.Duration) {
	s, t := &m.sample, m.tally
	s[results.PerSecond] = float64(t.Requests) / elapsed.Seconds()
	s[results.BytesIn] = float64(t.Bytes) / elapsed.Seconds()
	for m, q := range map[results.Metric]float64{results.P50: 50, results.P90: 90, results.P99: 99, results.P999: 99.9, results.P9999: 99.99} {
		s[m] = t.Quantile(q)
	}
}

// process sets what the server's process used for requests.
func (m *measured) process(used process.State, requests uint64) {
	s, n := &m.sample, float64(requests)
	if used.CPU.Known {
		s[results.CPU] = float64(used.CPU.Sum) / 1e3 / n
		if u, sy, ok := used.CPU.Split(); ok {
			s[results.User], s[results.System] = float64(u)/1e3/n, float64(sy)/1e3/n
		}
	}
	if used.Switches {
		s[results.Voluntary], s[results.Involuntary] = float64(used.Voluntary)/n, float64(used.Involuntary)/n
	}
}
