package main

import (
	"encoding/json"
	"math"
	"os"
	"time"
)

func (c *comparison) results(interrupted bool) results {
	r := results{
		Format: Format, Begun: c.begun.UTC().Truncate(time.Second), Seconds: math.Round(time.Since(c.begun).Seconds()),
		Command: c.command, Machine: ThisMachine(), Build: ThisBuild(), Base: c.servers[c.base],
		Settings: Settings{
			Rounds: c.rounds, Seconds: c.duration.Seconds(), Warmup: c.warmup.Seconds(), Connections: c.conns, Idle: c.idle,
			Procs: c.procs, ServerCPUs: c.serverCPUs, LoaderCPUs: c.loaderCPUs, Load: "ours",
		},
		Scenarios: []Scenario{}, Warnings: c.warnings, Failures: c.failures, Interrupted: interrupted,
	}
	if c.wrk != nil {
		r.Settings.Load = "wrk"
	}
	for _, name := range c.servers {
		known, _ := Named(name)
		s := serverResult{Name: name, What: known.What}
		if x := c.external(name); x != nil {
			s.URL, s.Command = x.url, x.command
		}
		r.Servers = append(r.Servers, s)
	}
	for _, row := range c.measuredRows() {
		if n := len(r.Scenarios); n == 0 || r.Scenarios[n-1].Name != row.scenario {
			r.Scenarios = append(r.Scenarios, Scenario{Name: row.scenario, What: whatOf(row.scenario)})
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

func (c *comparison) rowResult(r row) Row {
	res := Row{Title: r.title}
	for i, name := range c.servers {
		if r.left[i] || len(r.rounds[i]) == 0 {
			continue
		}
		s := RowServer{Name: name, Metrics: map[string]Figure{}}
		if r.sums[i] != nil {
			s.Curve = NewCurve(r.sums[i])
		}
		for m := range Metrics {
			base := r.rounds[c.base]
			if i == c.base {
				base = nil
			}
			if one, ok := NewFigure(r.rounds[i], base, m); ok {
				s.Metrics[metricNames[m]] = one
			}
		}
		res.Servers = append(res.Servers, s)
	}
	return res
}

// writeJSON writes the results to the file that -json names.
func (c *comparison) writeJSON(interrupted bool) error {
	b, err := json.MarshalIndent(c.results(interrupted), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.json, append(b, '\n'), 0o644)
}
