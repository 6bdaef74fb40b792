package main

import (
	"context"
	"fmt"
	"io"
	"math"
)

// withoutSlow measures a broadcast to none but subscribers that read, right before it is measured with one that stops reading. It
// returns the 99th percentile of the latencies in microseconds.
func (c *comparison) withoutSlow(ctx context.Context, ch *child, s scenario, groups []*group) (calm float64, err error) {
	groups[0].stall(0)
	defer groups[0].stall(1)
	run := loadRun{addr: ch.addr, groups: groups, warmup: c.warmupOf(s), duration: max(c.duration, openLeast), timeout: c.timeout, loops: 1}
	out, err := run.do(ctx)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s", ch.lastWords(err))
	case out.interrupted:
		return 0, errInterrupted
	}
	return out.total().quantile(99), out.problem(ch.addr)
}

// printSlow says what one slow subscriber has cost the others.
func (c *comparison) printSlow(w io.Writer, rows []row) {
	for _, r := range rows {
		said := false
		for i, name := range c.servers {
			var slower []float64
			for _, s := range r.rounds[i] {
				if !math.IsNaN(s[calmP99]) {
					slower = append(slower, s[p99]/s[calmP99])
				}
			}
			if len(slower) == 0 {
				continue
			}
			if !said {
				fmt.Fprintf(w, "\n%s: the p99 of the others, as a multiple of that without it:\n", r.title)
				said = true
			}
			fmt.Fprintf(w, "  %-12s %.2f×", name, median(slower))
			if d := spread(slower); !math.IsNaN(d) {
				fmt.Fprintf(w, " ±%.0f%%", 100*d)
			}
			fmt.Fprintln(w)
		}
	}
}
