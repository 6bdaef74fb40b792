package report

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// measuredOnce is a small run: a closed loop, an open one, idle memory.
func measuredOnce(servers ...string) results.Run {
	spread, less := 0.04, 0.5
	r := results.Run{
		Format: results.Format, Begun: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Seconds: 12,
		Command: []string{"bench", "compare", "-external", "a b=http://127.0.0.1:1,x 'y'"},
		Machine: process.Machine{OS: "linux", Arch: "amd64", Kernel: "6.18", CPU: "a CPU", CPUs: 2, Memory: 8 << 30},
		Build:   process.Build{Go: "go1.26.8", Commit: "0123abcd", Modified: true, Modules: map[string]string{"example.com/rival": "v1.2.3"}},
		Base:    servers[0], Warnings: []string{"it was noisy"}, Failures: []string{"one died"}, Interrupted: true,
	}
	row := results.Row{Title: "plaintext, 64 connections"}
	open := results.Row{Title: "open loop at 80 % of capacity"}
	idle := results.Row{Title: "idle, 5,000 connections"}
	for i, name := range servers {
		r.Servers = append(r.Servers, results.Server{Name: name, What: "what it is"})
		var ratio, swallowed *results.RatioResult
		if i > 0 {
			ratio, swallowed = &results.RatioResult{Median: &less, Spread: 0.02}, &results.RatioResult{Spread: 0.5, Swallowed: true}
		}
		of := func(v float64, r *results.RatioResult) results.Figure {
			return results.Figure{Median: v, Spread: &spread, Rounds: []float64{v * 0.96, v, v * 1.04}, Ratio: r}
		}
		metrics := map[string]results.Figure{
			results.Names[results.CPU]: of(float64(10-i), ratio), results.Names[results.PerSecond]: of(100_000, swallowed), results.Names[results.P99]: of(1500, nil),
			results.Names[results.RSS]: of(30<<20, nil), results.Names[results.User]: of(3, nil), "of_tomorrow": of(1, nil),
		}
		row.Servers = append(row.Servers, results.RowServer{Name: name, Metrics: metrics})
		paced := map[string]results.Figure{results.Names[results.Capacity]: of(120_000, nil), results.Names[results.PerSecond]: of(96_000, nil), results.Names[results.CPU]: of(9, nil)}
		open.Servers = append(open.Servers, results.RowServer{Name: name, Metrics: paced, Curve: curveOf(0, 20, 50, 90, 99, 800, 99.99, 20_000, 100, 50_000)})
		idle.Servers = append(idle.Servers, results.RowServer{Name: name, Metrics: map[string]results.Figure{results.Names[results.IdleBytes]: {Median: 250, Rounds: []float64{250}}}})
	}
	r.Scenarios = []results.Scenario{
		{Name: "plaintext", What: "13 bytes of text", Rows: []results.Row{row}},
		{Name: "open-80", What: "an open loop", Rows: []results.Row{open}},
		{Name: "idle", What: "memory of idle connections", Rows: []results.Row{idle}},
	}
	return r
}

// curveOf makes a curve of percents and microseconds in turns.
func curveOf(numbers ...float64) (points []load.CurvePoint) {
	for i := 0; i < len(numbers); i += 2 {
		points = append(points, load.CurvePoint{Percent: numbers[i], Micros: numbers[i+1]})
	}
	return points
}

// saved is a file with r in it.
func saved(t *testing.T, r results.Run) string {
	b, err := json.Marshal(r)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "results.json")
	require.NoError(t, os.WriteFile(file, b, 0o644))
	return file
}

// element is one node of a page, with the text below it.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

// elements parses a page.
func elements(t *testing.T, page string) (all []element) {
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		e := element{name: n.Data, attrs: map[string]string{}}
		for _, a := range n.Attr {
			e.attrs[a.Key] = a.Val
		}
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				e.text += d.Data
			}
		}
		all = append(all, e)
	}
	return all
}

func named(all []element, name string) (found []element) {
	for _, e := range all {
		if e.name == name {
			found = append(found, e)
		}
	}
	return found
}

// balanced holds that every tag of a drawing is closed, as in XML.
func balanced(t *testing.T, svg string) (texts []string) {
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return texts
		}
		require.NoError(t, err, svg)
		if c, ok := token.(xml.CharData); ok && strings.TrimSpace(string(c)) != "" {
			texts = append(texts, string(c))
		}
	}
}

// selfContained holds that nothing on a page asks for anything elsewhere.
func selfContained(t *testing.T, all []element, page string) {
	for _, e := range all {
		require.NotContains(t, []string{"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use"}, e.name)
		for name, value := range e.attrs {
			require.NotContains(t, []string{"src", "srcset", "action", "background"}, name)
			require.False(t, strings.HasPrefix(name, "on"), name)
			if strings.HasSuffix(name, "href") {
				require.True(t, strings.HasPrefix(value, "#"), value)
			}
		}
	}
	require.NotRegexp(t, regexp.MustCompile(`(?i)@import|url\(`), page)
}

// What is in a file is on the page: every server, scenario and load, what was measured on, and how.
func TestReport(t *testing.T) {
	file := saved(t, measuredOnce("net/http", "native", "adapter"))
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	code, stdout, stderr := runBench(context.Background(), "report", "-o", page, "-svg", filepath.Join(dir, "a", "b"), file)
	require.Zero(t, code, stderr)
	require.Empty(t, stdout)
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	all := elements(t, string(b))
	selfContained(t, all, string(b))

	require.Equal(t, "net/http, native, adapter, measured 21 November 2026", named(all, "title")[0].text)
	require.Equal(t, `bench compare -external 'a b=http://127.0.0.1:1,x '\''y'\'''`, named(all, "pre")[0].text)
	body := named(all, "body")[0].text
	for _, want := range []string{"a CPU, 2 CPUs, 8.0 GB memory, linux/amd64", "6.18", "0123abcd, modified", "go1.26.8, example.com/rival v1.2.3",
		"2026-11-21 12:00 UTC, for 12s", "it was noisy", "Failed: one died", "The run was interrupted", "13 bytes of text"} {
		require.Contains(t, body, want)
	}
	headings := fmt.Sprint(named(all, "h2"), named(all, "h3"))
	for _, want := range []string{"plaintext", "open-80", "idle", "plaintext, 64 connections", "open loop at 80 % of capacity", "idle, 5,000 connections"} {
		require.Contains(t, headings, want)
	}

	tables := named(all, "table")
	require.Len(t, tables, 6) // overview, one or two for each load
	for _, table := range tables {
		for _, server := range []string{"net/http", "native", "adapter"} {
			require.Contains(t, table.text, server)
		}
	}
	require.Contains(t, tables[1].text, "10.00 ±4%")
	require.Contains(t, tables[1].text, "9.00 ±4%0.50× ±2%")
	require.Contains(t, tables[1].text, "~")
	require.Contains(t, tables[1].text, "1.50 ms")
	require.NotContains(t, body, "NaN")

	charts := named(all, "svg")
	require.Len(t, charts, 5)
	for _, c := range charts {
		require.NotEmpty(t, c.attrs["aria-label"])
		require.NotEmpty(t, c.attrs["viewbox"]+c.attrs["viewBox"])
		for _, server := range []string{"net/http", "native", "adapter"} {
			require.Contains(t, c.text, server)
		}
	}
	require.Contains(t, charts[3].text, "99.99%")
	require.Contains(t, charts[3].text, "10 ms")

	files, err := filepath.Glob(filepath.Join(dir, "a", "b", "*"))
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f))
		svg, err := os.ReadFile(f)
		require.NoError(t, err)
		texts := strings.Join(balanced(t, string(svg)), "\n")
		require.Contains(t, texts, "prefers-color-scheme:dark")
		require.Contains(t, texts, "adapter")
		require.NotRegexp(t, `#0100[0-9A-F]{2}`, string(svg), "every mark has become a colour")
		for _, used := range regexp.MustCompile(`var\((--i\d+)\)`).FindAllStringSubmatch(string(svg), -1) {
			require.Contains(t, texts, used[1]+":#", "a colour that is not defined")
		}
		require.Len(t, regexp.MustCompile(`https?://`).FindAllString(string(svg), -1), 1, "the namespace")
	}
	require.Equal(t, []string{"idle-memory.svg", "open-80-cpu.svg", "open-80-latency.svg", "plaintext-cpu.svg", "plaintext-rate.svg"}, names)
}

// Several files make one page, whose links and charts do not meet.
func TestReportOfSeveral(t *testing.T) {
	a, b := saved(t, measuredOnce("net/http", "native")), saved(t, measuredOnce("floor"))
	dir := t.TempDir()
	code, page, stderr := runBench(context.Background(), "report", "-o", "-", "-svg", dir, a, b)
	require.Zero(t, code, stderr)
	all := elements(t, page)
	require.Len(t, named(all, "section"), 2)
	ids := map[string]bool{}
	for _, e := range all {
		if id := e.attrs["id"]; id != "" {
			require.False(t, ids[id], id)
			ids[id] = true
		}
	}
	for _, link := range named(all, "a") {
		require.True(t, ids[link.attrs["href"][1:]], link.attrs["href"])
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	require.NoError(t, err)
	require.Len(t, files, 10)
}

// Names that would be markup, a path, or too long are none of that.
func TestReportHostileNames(t *testing.T) {
	hostile := `"><script>alert(1)</script><img src=http://127.0.0.1/x>`
	long := strings.Repeat("ü", 5000)
	r := measuredOnce(hostile, "a\x00b\nc", "fill:#010003\" style=\"fill:#010003;", long, "<!--", "{{.}}")
	r.Servers[0].URL, r.Servers[0].Command = "javascript:alert(1)", []string{hostile}
	r.Scenarios[0].Name, r.Scenarios[0].What = "../../etc/"+hostile, hostile
	r.Scenarios[1].Name = "..."
	r.Scenarios[0].Rows[0].Title = hostile
	r.Warnings = []string{hostile}
	r.Command = []string{hostile}
	r.Machine.Kernel, r.Build.Commit, r.Build.Go = hostile, hostile, hostile
	dir := t.TempDir()
	code, page, stderr := runBench(context.Background(), "report", "-o", "-", "-svg", filepath.Join(dir, "svg"), saved(t, r))
	require.Zero(t, code, stderr)
	all := elements(t, page)
	selfContained(t, all, page)
	require.Contains(t, named(all, "pre")[0].text, hostile[:20])
	require.Contains(t, named(all, "body")[0].text, long)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, f := range files {
		svg, err := os.ReadFile(f)
		require.NoError(t, err)
		balanced(t, string(svg))
		require.NotContains(t, string(svg), "<script")
	}
	outside, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, outside, 1)
}

func TestReportBadInput(t *testing.T) {
	dir := t.TempDir()
	change := func(f func(*results.Run)) string {
		r := measuredOnce("a", "b")
		f(&r)
		b, err := json.Marshal(r)
		require.NoError(t, err)
		return string(b)
	}
	metric := func(m results.Figure) func(*results.Run) {
		return func(r *results.Run) { r.Scenarios[0].Rows[0].Servers[1].Metrics[results.Names[results.CPU]] = m }
	}
	for _, c := range []struct{ name, content, want string }{
		{"empty", "", "empty"},
		{"blank", " \n", "empty"},
		{"not JSON", "requests/s", "not JSON"},
		{"cut", change(func(*results.Run) {})[:300], "not JSON"},
		{"two of them", change(func(*results.Run) {}) + "{}", "not JSON"},
		{"another kind", `[1]`, "no results of bench compare"},
		{"of load", `{"url":"http://127.0.0.1/"}`, "no results of bench compare"},
		{"another version", change(func(r *results.Run) { r.Format = 2 }), "format 2; this bench reads format 1"},
		{"another type", `{"format":1,"servers":3}`, "not as bench compare -json writes it"},
		{"nothing", `{"format":1}`, "base"},
		{"nothing measured", change(func(r *results.Run) { r.Scenarios = nil }), "nothing was measured"},
		{"no base", change(func(r *results.Run) { r.Base = "c" }), `base "c"`},
		{"a server without a name", change(func(r *results.Run) { r.Servers[1].Name = "" }), "no name of its own"},
		{"two of one name", change(func(r *results.Run) { r.Servers[1].Name = "a" }), "no name of its own"},
		{"an unknown server", change(func(r *results.Run) { r.Scenarios[0].Rows[0].Servers[1].Name = "c" }), `plaintext: "c"`},
		{"an absurd figure", change(metric(results.Figure{Median: 1e300})), "cpu_us_per_request is 1e+300"},
		{"an absurd round", change(metric(results.Figure{Rounds: []float64{-1e16}})), "cpu_us_per_request is -1e+16"},
		{"an absurd latency", change(func(r *results.Run) { r.Scenarios[1].Rows[0].Servers[0].Curve[1].Micros = -1 }), "at most -1 µs"},
		{"an absurd percentile", change(func(r *results.Run) { r.Scenarios[1].Rows[0].Servers[0].Curve[1].Percent = 101 }), "101 %"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, out := filepath.Join(dir, "in.json"), filepath.Join(dir, "out.html")
			require.NoError(t, os.WriteFile(file, []byte(c.content), 0o644))
			code, _, stderr := runBench(context.Background(), "report", "-o", out, file)
			require.Equal(t, 1, code)
			require.Contains(t, stderr, file)
			require.Contains(t, stderr, c.want)
			require.NoFileExists(t, out)
		})
	}
	twice := saved(t, measuredOnce("a"))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-o", twice, saved(t, measuredOnce("b")), twice}, 2, "would replace the results"},
		{[]string{}, 2, "want the files"},
		{[]string{"-colour", "x"}, 2, "-colour"},
		{[]string{filepath.Join(dir, "gone.json")}, 1, "gone.json"},
		{[]string{dir}, 1, "directory"},
		{[]string{"-o", filepath.Join(dir, "no", "page.html"), saved(t, measuredOnce("a"))}, 1, "page.html"},
	} {
		code, _, stderr := runBench(context.Background(), append([]string{"report"}, c.args...)...)
		require.Equal(t, c.code, code, stderr)
		require.Contains(t, stderr, c.want)
	}
}

// Figures at the edge of what can be drawn: nothing, zeros, negative memory, one point, equal latencies.
func TestReportEdges(t *testing.T) {
	const figureMax = 1e15 // the largest that is read
	r := measuredOnce("a", "b")
	for i, s := range r.Scenarios[0].Rows[0].Servers {
		s.Metrics[results.Names[results.CPU]] = results.Figure{}
		s.Metrics[results.Names[results.PerSecond]] = results.Figure{Median: figureMax, Rounds: []float64{0, figureMax, figureMax}}
		r.Scenarios[2].Rows[0].Servers[i].Metrics[results.Names[results.IdleBytes]] = results.Figure{Median: -40, Rounds: []float64{-40}}
	}
	r.Scenarios[1].Rows[0].Servers[0].Curve = curveOf(50, 0, 100, 9)
	r.Scenarios[1].Rows[0].Servers[1].Curve = curveOf(99, figureMax, 99.9, figureMax)
	r.Scenarios = append(r.Scenarios, results.Scenario{Name: "without rows"}, results.Scenario{Name: "without servers", Rows: []results.Row{{Title: "none"}}})
	p, charts, err := newPage([]results.Run{r})
	require.NoError(t, err)
	require.NoError(t, p.write(io.Discard))
	require.Len(t, charts, 4)
	for _, c := range charts {
		balanced(t, c.alone)
		require.NotRegexp(t, `NaN|Inf`, c.alone)
	}
}

// Ink: the base is grey in every chart, and a server keeps its colour through a run.
func TestReportInk(t *testing.T) {
	r := &run{measuredOnce("a", "b", "c")}
	r.Base = "b"
	require.Equal(t, []ink{serverInk(0), inkBase, serverInk(1)}, []ink{r.ink("a"), r.ink("b"), r.ink("c")})
	require.Less(t, int(serverInk(1000)), len(shades))
}
