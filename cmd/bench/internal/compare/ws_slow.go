package compare

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// withoutSlow measures a broadcast to none but subscribers that read, right before it is measured with one that stops reading. It
// returns the 99th percentile of the latencies in microseconds.
func (c *comparison) withoutSlow(ctx context.Context, ch *process.Child, s scenario, groups []*load.Group) (calm float64, err error) {
	groups[0].Stall(0)
	defer groups[0].Stall(1)
	run := load.Run{Addr: ch.Addr, Groups: groups, Warmup: c.warmupOf(s), Duration: max(c.duration, openLeast), Timeout: c.timeout, Loops: 1}
	out, err := run.Do(ctx)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s", ch.LastWords(err))
	case out.Interrupted:
		return 0, command.ErrInterrupted
	}
	return out.Total().Quantile(99), out.Problem(ch.Addr)
}

// printSlow says what one slow subscriber has cost the others.
func (c *comparison) printSlow(w io.Writer, rows []row) {
	for _, r := range rows {
		said := false
		for i, name := range c.servers {
			var slower []float64
			for _, s := range r.rounds[i] {
				if !math.IsNaN(s[results.CalmP99]) && !math.IsNaN(s[results.P99]) {
					slower = append(slower, s[results.P99]/s[results.CalmP99])
				}
			}
			if len(slower) == 0 {
				continue
			}
			if !said {
				fmt.Fprintf(w, "\n%s: the p99 of the others, as a multiple of that without it:\n", r.title)
				said = true
			}
			fmt.Fprintf(w, "  %-12s %.2f×", name, results.Median(slower))
			if d := results.Spread(slower); !math.IsNaN(d) {
				fmt.Fprintf(w, " ±%.0f%%", 100*d)
			}
			fmt.Fprintln(w)
		}
	}
}
