package compare

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// setup says on what and how it is measured.
func (c *comparison) setup() string {
	s := fmt.Sprintf("%s/%s, %s, %d CPUs, GOMAXPROCS=%d for the servers", runtime.GOOS, runtime.GOARCH, runtime.Version(),
		runtime.NumCPU(), c.procs)
	if c.loaderCPUs != nil {
		s += fmt.Sprintf(", servers on CPU %s, load on CPU %s", figures.List(c.serverCPUs), figures.List(c.loaderCPUs))
	}
	if c.wrk != nil {
		s += ", load by wrk"
	}
	return s
}

func (c *comparison) print(w io.Writer) {
	if rows := c.measuredRows(); len(rows) > 0 {
		fmt.Fprintf(w, "%s\n\n", c.setup())
		printTable(w, c.servers, c.base, rows, results.Columns, true)
		if c.wide {
			rows = slices.DeleteFunc(rows, func(r row) bool { return r.kind == rowIdle })
			if len(rows) > 0 {
				fmt.Fprintf(w, "\nOf the server's process per request, and of the load; ± is half the spread of the rounds:\n\n")
				printTable(w, c.servers, c.base, rows, results.WideColumns, false)
			}
		}
	}
	c.printSlow(w, c.measuredRows())
	c.printHandshakes(w, c.measuredRows())
	if c.disturbed > 0 {
		c.warn("in %d of %d measurements other programs took CPU from the server: requests/s and latencies suffered, CPU time less so", c.disturbed, c.loads)
	}
	for _, s := range c.slow {
		c.warn("%s, %s: in %d of %d rounds the rate could not be held, and latencies are those of a growing queue", s.title, s.server, s.rounds, c.rounds)
	}
	for _, s := range c.warnings {
		fmt.Fprintf(w, "\nwarning: %s\n", s)
	}
}

// printHandshakes says for how many handshakes a second of the server's CPU time is enough, the client's part of which costs the
// load more.
func (c *comparison) printHandshakes(w io.Writer, rows []row) {
	for _, r := range rows {
		var each []string
		for i, name := range c.servers {
			if n := results.Values(r.rounds[i], results.Handshakes); len(n) > 0 {
				each = append(each, fmt.Sprintf("%s %s", name, figures.Count(results.Median(n))))
			}
		}
		if len(each) > 0 {
			fmt.Fprintf(w, "\n%s: handshakes in a second of the server's CPU time: %s\n", r.title, strings.Join(each, ", "))
		}
	}
}

// measuredRows are the rows that have a figure.
func (c *comparison) measuredRows() (rows []row) {
	for _, r := range c.rows {
		if slices.ContainsFunc(r.rounds, func(s []results.Sample) bool { return len(s) > 0 }) {
			rows = append(rows, r)
		}
	}
	return rows
}
