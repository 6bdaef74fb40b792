package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// row is one line of comparison: a load, and what each server did under it, round by round.
type row struct {
	title  string
	kind   rowKind
	rounds [][]sample // by server
}

type rowKind uint8

const (
	rowLoad    rowKind = iota
	rowFollows         // a later part of a scenario, of which the first shows the CPU time of all
	rowIdle            // memory and nothing else
)

var columns = [metrics]struct {
	title string
	show  func(float64) string
}{
	perSecond: {"requests/s", func(v float64) string { return thousands(uint64(v + 0.5)) }},
	p50:       {"p50", micros},
	p99:       {"p99", micros},
	cpu:       {"CPU µs/request", func(v float64) string { return fmt.Sprintf("%.2f", v) }},
	idleBytes: {"B/idle connection", func(v float64) string { return thousands(uint64(v + 0.5)) }},
}

// printTable writes the rows with the servers below one another and their ratios to the first.
func printTable(w io.Writer, servers []string, rows []row) {
	cells := [][]string{{"", ""}}
	for _, c := range columns {
		cells[0] = append(cells[0], c.title)
	}
	swallowed := false
	for _, r := range rows {
		for i, s := range servers {
			line := []string{"", s}
			if i == 0 {
				line[0] = r.title
			}
			for m, c := range columns {
				line = append(line, show(column(r.rounds[i], metric(m)), r.measures(metric(m)), c.show))
			}
			cells = append(cells, line)
		}
		for i, s := range servers[1:] {
			name := "ratio"
			if len(servers) > 2 {
				name = "ratio " + s
			}
			line := []string{"", name}
			for m := range columns {
				ra, ok := newRatio(r.rounds[0], r.rounds[i+1], metric(m))
				if !ok {
					line = append(line, "")
					continue
				}
				swallowed = swallowed || ra.swallowed()
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
func (r row) measures(m metric) bool {
	switch r.kind {
	case rowIdle:
		return m == idleBytes
	case rowFollows:
		return m != idleBytes && m != cpu
	}
	return m != idleBytes
}

func show(values []float64, measured bool, format func(float64) string) string {
	switch v := median(values); {
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
