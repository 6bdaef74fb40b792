package compare

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// row is one line of comparison: a load, and what each server did under it, round by round.
type row struct {
	scenario, title string
	kind            rowKind
	rounds          [][]results.Sample // by server
	sums            []*load.Tally      // by server: all rounds together
	left            []bool             // by server: it is left out
}

type rowKind uint8

const (
	rowLoad    rowKind = iota
	rowFollows         // a later part of a scenario, of which the first shows the CPU time of all
	rowIdle            // memory and nothing else
)

func newRow(scenario, title string, kind rowKind, servers int) row {
	return row{scenario, title, kind, make([][]results.Sample, servers), make([]*load.Tally, servers), make([]bool, servers)}
}

// add takes up a round of the k-th server.
func (r *row) add(k int, m measured) {
	r.rounds[k] = append(r.rounds[k], m.sample)
	if r.sums[k] == nil {
		r.sums[k] = load.NewTally()
	}
	r.sums[k].Add(m.tally)
}

// printTable writes the rows with the servers below one another and, if there is a base, their ratios to it.
func printTable(w io.Writer, servers []string, base int, rows []row, columns []results.Column, ratios bool) {
	cells := [][]string{{"", ""}}
	for _, c := range columns {
		cells[0] = append(cells[0], c.Title)
	}
	swallowed := false
	for _, r := range rows {
		title := r.title
		for i, s := range servers {
			if r.left[i] {
				continue
			}
			line := []string{title, s}
			title = ""
			for _, c := range columns {
				values := results.Values(r.rounds[i], c.Metric)
				cell := show(values, r.measures(c.Metric), c.Show)
				if d := results.Spread(values); !ratios && cell != "" && d >= 0 { // NaN is not
					cell += fmt.Sprintf(" ±%.0f%%", 100*d)
				}
				line = append(line, cell)
			}
			cells = append(cells, line)
		}
		for i, s := range servers {
			if !ratios || i == base || r.left[i] || r.left[base] {
				continue
			}
			name := "ratio"
			if len(servers) > 2 {
				name = "ratio " + s
			}
			line := []string{"", name}
			for _, c := range columns {
				ra, ok := results.NewRatio(r.rounds[base], r.rounds[i], c.Metric)
				if !ok {
					line = append(line, "")
					continue
				}
				swallowed = swallowed || ra.Swallowed()
				line = append(line, ra.String())
			}
			cells = append(cells, line)
		}
		cells = append(cells, nil)
	}
	align(w, cells[:len(cells)-1])
	if swallowed {
		fmt.Fprintf(w, "\n~  the rounds differ by more than the servers do: no ratio\n")
	}
}

// measures reports whether the row has that metric at all: where it has not, the cells stay empty.
func (r row) measures(m results.Metric) bool {
	switch r.kind {
	case rowIdle:
		return m == results.IdleBytes
	case rowFollows: // what the process did stands in the scenario's first row
		return m != results.IdleBytes && (m < results.CPU || m >= results.P90 && m <= results.BytesIn)
	}
	return m != results.IdleBytes
}

func show(values []float64, measured bool, format func(float64) string) string {
	switch v := results.Median(values); {
	case !measured:
		return ""
	case math.IsNaN(v) || v < 0:
		return "n/a"
	default:
		return format(v)
	}
}

// align writes cells in columns: the first two to the left, numbers to the right.
func align(w io.Writer, cells [][]string) {
	var widths []int
	for _, line := range cells {
		for i, c := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, line := range cells {
		var b strings.Builder
		for i, c := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i < 2 {
				b.WriteString(c + pad + "  ")
			} else {
				b.WriteString(pad + c + "  ")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
