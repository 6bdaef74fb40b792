package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// page is what report.html is filled with.
type page struct {
	Style template.CSS
	Runs  []pageRun
}

type pageRun struct {
	ID, Title, Command, Base string
	Facts                    [][2]string
	Notices                  []string
	Servers                  []results.Server
	Overview                 pageTable
	Scenarios                []pageScenario
}

type pageScenario struct {
	ID, Name, What string
	Rows           []pageRow
}

type pageRow struct {
	Title      string
	Charts     []*chart
	Main, More pageTable
}

// pageTable has a line for each server, or in the overview for each load.
type pageTable struct {
	Head  []string
	Lines []pageLine
}

type pageLine struct {
	Name, Link string
	Cells      []pageCell
}

// pageCell is a figure, its spread, and its ratio to the base: each as text, or empty.
type pageCell struct{ Figure, Spread, Ratio string }

//go:embed report.html
var pageText string

var pageTemplate = template.Must(template.New("report").Parse(pageText))

func (p *page) write(w io.Writer) error { return pageTemplate.Execute(w, p) }

// Title is that of the window.
func (p *page) Title() string {
	if len(p.Runs) == 1 {
		return p.Runs[0].Title
	}
	return fmt.Sprintf("%d measurements", len(p.Runs))
}

// run is what one part of a page is about.
type run struct{ results.Run }

// newPage makes a page, and the list of its charts, each under a name of its own.
func newPage(runs []results.Run) (*page, []*chart, error) {
	p := &page{Style: template.CSS(sheet())}
	var charts []*chart
	for i := range runs {
		r := &run{runs[i]}
		one := pageRun{
			ID: fmt.Sprintf("r%d", i+1), Title: r.title(), Command: shellLine(r.Command), Base: r.Base, Facts: r.facts(),
			Notices: r.notices(), Servers: r.Servers,
		}
		for k, s := range r.Scenarios {
			sc := pageScenario{ID: fmt.Sprintf("%s-%d-%s", one.ID, k+1, slug(s.Name)), Name: s.Name, What: s.What}
			for _, row := range s.Rows {
				pr, err := r.row(s.Name, row)
				if err != nil {
					return nil, nil, err
				}
				sc.Rows = append(sc.Rows, pr)
				charts = append(charts, pr.Charts...)
			}
			one.Scenarios = append(one.Scenarios, sc)
		}
		one.Overview = r.overview(one.Scenarios)
		p.Runs = append(p.Runs, one)
	}
	taken := map[string]int{}
	for _, c := range charts {
		if taken[c.name]++; taken[c.name] > 1 {
			c.name = fmt.Sprintf("%s.%d", c.name, taken[c.name]) // slugs have no dot: nobody else's name
		}
	}
	return p, charts, nil
}

func (r *run) title() string {
	title := fmt.Sprintf("%d servers", len(r.Servers))
	if len(r.Servers) < 4 {
		var names []string
		for _, s := range r.Servers {
			names = append(names, s.Name)
		}
		title = strings.Join(names, ", ")
	}
	return title + ", measured " + r.Begun.UTC().Format("2 January 2006")
}

// facts are what one must know to judge or repeat the run.
func (r *run) facts() (facts [][2]string) {
	add := func(name, format string, args ...any) {
		facts = append(facts, [2]string{name, fmt.Sprintf(format, args...)})
	}
	add("begun", "%s, for %s", r.Begun.UTC().Format("2006-01-02 15:04 MST"), time.Duration(r.Seconds)*time.Second)
	add("machine", "%s, %d CPUs, %s memory, %s/%s", or(r.Machine.CPU, "CPU unknown"), r.Machine.CPUs, gigabytes(r.Machine.Memory), r.Machine.OS, r.Machine.Arch)
	add("kernel", "%s", or(r.Machine.Kernel, "unknown"))
	tree := ""
	if r.Build.Modified {
		tree = ", modified"
	}
	add("commit", "%s%s", or(r.Build.Commit, "unknown"), tree)
	versions := []string{r.Build.Go}
	for _, path := range slices.Sorted(maps.Keys(r.Build.Modules)) {
		versions = append(versions, path+" "+r.Build.Modules[path])
	}
	add("versions", "%s", strings.Join(versions, ", "))
	s := r.Settings
	add("rounds", "%d of %g s each, after %g s of warm-up; %d connections where a scenario does not say", s.Rounds, s.Seconds, s.Warmup, s.Connections)
	pinned := "not pinned"
	if len(s.ServerCPUs) > 0 && len(s.LoaderCPUs) > 0 {
		pinned = fmt.Sprintf("servers on CPU %s, load on CPU %s", figures.List(s.ServerCPUs), figures.List(s.LoaderCPUs))
	}
	add("CPUs", "GOMAXPROCS=%d for the servers, %s", s.Procs, pinned)
	add("load", "%s", or(s.Load, "unknown"))
	return facts
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func gigabytes(n int64) string {
	if n <= 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}

func (r *run) notices() (all []string) {
	if r.Interrupted {
		all = append(all, "The run was interrupted; this is what had been measured.")
	}
	for _, f := range r.Failures {
		all = append(all, "Failed: "+f)
	}
	return append(all, r.Warnings...)
}

// plainWord needs no quotes in a shell.
var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shellLine is a command line that can be copied to a shell.
func shellLine(words []string) string {
	var quoted []string
	for _, w := range words {
		if !plainWord.MatchString(w) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted = append(quoted, w)
	}
	return strings.Join(quoted, " ")
}

// slug makes a part of a file name.
func slug(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			return c
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, s)
	return strings.Trim(s[:min(len(s), 40)], "-")
}

// charted are the metrics that have a chart of bars: those that a row has of them.
var charted = []struct {
	metric      results.Metric
	name, title string
	show        func(float64) string
}{
	{results.CPU, "cpu", "CPU µs per request (less is better)", figures.Hundredths},
	{results.PerSecond, "rate", "requests per second", figures.Count},
	{results.IdleBytes, "memory", "bytes per idle connection (less is better)", figures.Count},
	{results.Handshakes, "handshakes", "handshakes that a second of the server's CPU time is enough for", figures.Count},
}

// mainColumns are the metrics of a row's first table; its second one has all others.
var mainColumns = []results.Metric{results.PerSecond, results.CPU, results.P50, results.P99, results.P9999, results.RSS, results.IdleBytes}

func (r *run) row(scenario string, row results.Row) (pageRow, error) {
	pr := pageRow{Title: row.Title}
	var others []results.Column
	shown := allColumns()
	for _, c := range shown {
		if !slices.Contains(mainColumns, c.Metric) {
			others = append(others, c)
		}
	}
	var first []results.Column
	for _, m := range mainColumns {
		i := slices.IndexFunc(shown, func(c results.Column) bool { return c.Metric == m })
		first = append(first, shown[i])
	}
	pr.Main, pr.More = tableOf(row, first), tableOf(row, others)
	var open []curve
	for _, c := range charted {
		if c.metric == results.PerSecond && len(openCurves(r, row)) > 0 {
			continue // it is the rate that was asked for
		}
		bars := r.bars(row, c.metric, c.show)
		if len(bars) == 0 {
			continue
		}
		one, err := newBars(row.Title, c.title, bars)
		if err != nil {
			return pr, err
		}
		one.name = strings.Trim(slug(scenario)+"-"+c.name, "-")
		pr.Charts = append(pr.Charts, one)
	}
	if open = openCurves(r, row); len(open) > 0 {
		one, err := newCurves(row.Title, "latency from when a request was due", open)
		if err != nil {
			return pr, err
		}
		one.name = strings.Trim(slug(scenario)+"-latency", "-")
		pr.Charts = append(pr.Charts, one)
	}
	return pr, nil
}

// allColumns are those of the printed tables, and what some scenarios add.
func allColumns() []results.Column {
	return slices.Concat(results.Columns, results.WideColumns, []results.Column{
		{Metric: results.Capacity, Title: "capacity/s", Show: figures.Count},
		{Metric: results.Handshakes, Title: "handshakes/CPU s", Show: figures.Count},
		{Metric: results.CalmP99, Title: "p99 without the slow one", Show: figures.Micros},
	})
}

// openCurves are the latencies of an open loop. In a closed one a server that stalls is asked less, and its curve would hide
// that.
func openCurves(r *run, row results.Row) (curves []curve) {
	for _, s := range row.Servers {
		if _, open := s.Metrics[results.Names[results.Capacity]]; open && len(s.Curve) > 0 {
			curves = append(curves, curve{s.Name, r.ink(s.Name), s.Curve})
		}
	}
	return curves
}

// ink is the colour of a server in all charts of a run.
func (r *run) ink(name string) ink {
	i := 0
	for _, s := range r.Servers {
		switch {
		case s.Name == name && name == r.Base:
			return inkBase
		case s.Name == name:
			return serverInk(i)
		case s.Name != r.Base:
			i++
		}
	}
	return inkBase
}

func (r *run) bars(row results.Row, m results.Metric, show func(float64) string) (bars []bar) {
	for _, s := range row.Servers {
		got, ok := s.Metrics[results.Names[m]]
		if !ok || got.Median < 0 {
			continue
		}
		b := bar{server: s.Name, ink: r.ink(s.Name), value: got.Median, low: got.Median, high: got.Median, label: show(got.Median)}
		if len(got.Rounds) > 1 {
			low, high := results.Middle(got.Rounds)
			b.low, b.high = max(0, min(low, got.Median)), max(high, got.Median)
		}
		if ratio := got.Ratio.String(); ratio != "" && ratio != "~" {
			b.label += "  (" + ratio + ")"
		}
		bars = append(bars, b)
	}
	return bars
}

// tableOf has the columns of which some server has a figure.
func tableOf(row results.Row, all []results.Column) (t pageTable) {
	all = slices.DeleteFunc(slices.Clone(all), func(c results.Column) bool {
		return !slices.ContainsFunc(row.Servers, func(s results.RowServer) bool {
			_, ok := s.Metrics[results.Names[c.Metric]]
			return ok
		})
	})
	for _, c := range all {
		t.Head = append(t.Head, c.Title)
	}
	for _, s := range row.Servers {
		line := pageLine{Name: s.Name}
		for _, c := range all {
			line.Cells = append(line.Cells, cellOf(s, c))
		}
		t.Lines = append(t.Lines, line)
	}
	return t
}

func cellOf(s results.RowServer, c results.Column) (cell pageCell) {
	m, ok := s.Metrics[results.Names[c.Metric]]
	switch {
	case !ok:
		return cell
	case m.Median < 0: // memory that was given back meanwhile
		return pageCell{Figure: "n/a"}
	}
	cell.Figure = c.Show(m.Median)
	if m.Spread != nil {
		cell.Spread = fmt.Sprintf("±%.0f%%", 100*math.Abs(*m.Spread))
	}
	cell.Ratio = m.Ratio.String()
	return cell
}

// overview has the CPU time of every load that has one, by server.
func (r *run) overview(scenarios []pageScenario) (t pageTable) {
	for _, s := range r.Servers {
		t.Head = append(t.Head, s.Name)
	}
	for i, s := range r.Scenarios {
		for _, row := range s.Rows {
			line, found := pageLine{Name: row.Title, Link: scenarios[i].ID}, false
			for _, server := range r.Servers {
				var cell pageCell
				if k := slices.IndexFunc(row.Servers, func(x results.RowServer) bool { return x.Name == server.Name }); k >= 0 {
					cell = cellOf(row.Servers[k], results.Column{Metric: results.CPU, Show: figures.Hundredths})
				}
				found = found || cell.Figure != ""
				line.Cells = append(line.Cells, cell)
			}
			if found {
				t.Lines = append(t.Lines, line)
			}
		}
	}
	return t
}
