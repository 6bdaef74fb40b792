package compare

import (
	"encoding/json"
	"math"
	"os"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

func (c *comparison) results(interrupted bool) results.Run {
	r := results.Run{
		Format: results.Format, Begun: c.begun.UTC().Truncate(time.Second), Seconds: math.Round(time.Since(c.begun).Seconds()),
		Command: c.command, Machine: process.ThisMachine(), Build: process.ThisBuild(), Base: c.servers[c.base],
		Settings: results.Settings{
			Rounds: c.rounds, Seconds: c.duration.Seconds(), Warmup: c.warmup.Seconds(), Connections: c.conns, Idle: c.idle,
			Procs: c.procs, ServerCPUs: c.serverCPUs, LoaderCPUs: c.loaderCPUs, Load: "ours",
		},
		Scenarios: []results.Scenario{}, Warnings: c.warnings, Failures: c.failures, Interrupted: interrupted,
	}
	if c.wrk != nil {
		r.Settings.Load = "wrk"
	}
	for _, name := range c.servers {
		known, _ := servers.Named(name)
		s := results.Server{Name: name, What: known.What}
		if x := c.external(name); x != nil {
			s.URL, s.Command = x.url, x.command
		}
		r.Servers = append(r.Servers, s)
	}
	for _, row := range c.measuredRows() {
		if n := len(r.Scenarios); n == 0 || r.Scenarios[n-1].Name != row.scenario {
			r.Scenarios = append(r.Scenarios, results.Scenario{Name: row.scenario, What: whatOf(row.scenario)})
		}
		s := &r.Scenarios[len(r.Scenarios)-1]
		s.Rows = append(s.Rows, c.rowResult(row))
	}
	return r
}

func whatOf(name string) string {
	for _, s := range scenarios {
		if s.name == name {
			return s.what
		}
	}
	return ""
}

func (c *comparison) rowResult(r row) results.Row {
	res := results.Row{Title: r.title}
	for i, name := range c.servers {
		if r.left[i] || len(r.rounds[i]) == 0 {
			continue
		}
		s := results.RowServer{Name: name, Metrics: map[string]results.Figure{}}
		if r.sums[i] != nil {
			s.Curve = load.NewCurve(r.sums[i])
		}
		for m := range results.Metrics {
			base := r.rounds[c.base]
			if i == c.base {
				base = nil
			}
			if one, ok := results.NewFigure(r.rounds[i], base, m); ok {
				s.Metrics[results.Names[m]] = one
			}
		}
		res.Servers = append(res.Servers, s)
	}
	return res
}

// writeJSON writes the results to the file that -json names. What an earlier run has measured is not replaced by nothing.
func (c *comparison) writeJSON(interrupted bool) error {
	if len(c.measuredRows()) == 0 {
		if info, err := os.Stat(c.json); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
			return os.Remove(c.json) // it was to see that it can be written
		}
		return nil
	}
	b, err := json.MarshalIndent(c.results(interrupted), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.json, append(b, '\n'), 0o644)
}
