package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// difference is what one figure of one server was in one run, and is in another.
type difference struct {
	title, server string
	was, is       float64
	spread        float64 // the larger one of the two, NaN if it is not known
}

// relative is by how much the figure has changed, as a share of what it was.
func (d difference) relative() float64 { return d.is/d.was - 1 }

// differences compares a metric of two runs, in everything that both have measured.
func differences(was, is results.Run, metric string) (all []difference) {
	type place struct{ scenario, title, server string }
	old := map[place]results.Figure{}
	each := func(r results.Run, do func(place, results.Figure)) {
		for _, s := range r.Scenarios {
			for _, row := range s.Rows {
				for _, one := range row.Servers {
					if m, ok := one.Metrics[metric]; ok {
						do(place{s.Name, row.Title, one.Name}, m)
					}
				}
			}
		}
	}
	each(was, func(p place, m results.Figure) { old[p] = m })
	each(is, func(p place, m results.Figure) {
		before, ok := old[p]
		if !ok || !(before.Median > 0) || !(m.Median > 0) {
			return
		}
		d := difference{p.title, p.server, before.Median, m.Median, math.NaN()}
		if before.Spread != nil && m.Spread != nil {
			d.spread = max(*before.Spread, *m.Spread)
		}
		all = append(all, d)
	})
	return all
}

// printAgainst prints a line for each difference, and how large they are together. Those above within, a share, are marked, and
// counted as far as the rounds of neither run differ by as much themselves.
func printAgainst(w io.Writer, metric string, all []difference, within float64) (beyond int) {
	width := 0
	for _, d := range all {
		width = max(width, len([]rune(d.title)))
	}
	last := ""
	var sizes []float64
	for _, d := range all {
		title := d.title
		if title == last {
			title = ""
		}
		last = d.title
		size := math.Abs(d.relative())
		sizes = append(sizes, size)
		mark := ""
		switch {
		case size > within && size <= d.spread:
			mark = fmt.Sprintf("  within ±%.0f%% of the rounds", 100*d.spread)
		case size > within:
			mark = "  *"
			beyond++
		}
		fmt.Fprintf(w, "%-*s  %-12s %10s → %-10s %+6.1f%%%s\n", width, title, d.server, figure(d.was), figure(d.is), 100*d.relative(), mark)
	}
	slices.Sort(sizes)
	at := func(share float64) float64 { return 100 * sizes[min(len(sizes)-1, int(share*float64(len(sizes))))] }
	fmt.Fprintf(w, "\n%s: of %d medians half differ by at most %.1f %%, nine in ten by at most %.1f %%, the most by %.1f %%\n",
		metric, len(sizes), at(0.5), at(0.9), at(1))
	return beyond
}

// figure has three digits or more.
func figure(v float64) string {
	if v >= 100 {
		return figures.Count(v)
	}
	return fmt.Sprintf("%.3g", v)
}

// against is report -against: two runs side by side, and an error if they do not agree.
func against(w io.Writer, was, is results.Run, metric string, within float64) error {
	all := differences(was, is, metric)
	if len(all) == 0 {
		return fmt.Errorf("the two have no %s in common; metrics are %s", metric, strings.Join(results.Names[:], ", "))
	}
	if n := printAgainst(w, metric, all, within); n > 0 {
		return fmt.Errorf("%d of %d medians differ by more than %g %% and by more than their rounds do", n, len(all), 100*within)
	}
	return nil
}
