package results

import (
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// Format is the number of the format. Fields may be added to it, and none may change its meaning.
const Format = 1

// Run is what -json writes: everything that a comparison measured, and on what.
//
// Times are in microseconds, memory is in bytes, rates are per second; the names of the metrics tell. A ratio is to the server
// named base. A metric that was not measured is absent, and so is a ratio that the spread swallows, but for its mark.
type Run struct {
	Format      int             `json:"format"` // of this file: 1
	Begun       time.Time       `json:"begun"`
	Seconds     float64         `json:"seconds"`
	Command     []string        `json:"command"`
	Machine     process.Machine `json:"machine"`
	Build       process.Build   `json:"build"`
	Settings    Settings        `json:"settings"`
	Base        string          `json:"base"`
	Servers     []Server        `json:"servers"`
	Scenarios   []Scenario      `json:"scenarios"`
	Warnings    []string        `json:"warnings,omitempty"`
	Failures    []string        `json:"failures,omitempty"`
	Interrupted bool            `json:"interrupted,omitempty"`
}

// Settings are how the run was made.
type Settings struct {
	Rounds      int     `json:"rounds"`
	Seconds     float64 `json:"seconds_per_round"`
	Warmup      float64 `json:"warmup_seconds"`
	Connections int     `json:"connections"`
	Idle        int     `json:"idle_connections"`
	Procs       int     `json:"server_gomaxprocs"`
	ServerCPUs  []int   `json:"server_cpus,omitempty"`
	LoaderCPUs  []int   `json:"loader_cpus,omitempty"`
	Load        string  `json:"load"` // ours or wrk
}

// Server is one that took part.
type Server struct {
	Name    string   `json:"name"`
	What    string   `json:"what,omitempty"`
	URL     string   `json:"url,omitempty"` // of an external server
	Command []string `json:"command,omitempty"`
}

// Scenario is one way in which the servers were loaded.
type Scenario struct {
	Name string `json:"name"`
	What string `json:"what"`
	Rows []Row  `json:"rows"` // one for each part of the load
}

// Row is what a part of a scenario's load measured.
type Row struct {
	Title   string      `json:"title"`
	Servers []RowServer `json:"servers"` // those that are not left out
}

// RowServer is what it measured of one server.
type RowServer struct {
	Name    string            `json:"name"`
	Metrics map[string]Figure `json:"metrics"`
	// Curve is of the latencies of all rounds together.
	Curve []load.CurvePoint `json:"latency_curve,omitempty"`
}

// Figure is one figure. Spread is half of what the rounds differ by, relative to the median.
type Figure struct {
	Median float64      `json:"median"`
	Spread *float64     `json:"spread,omitempty"` // of two rounds or more
	Rounds []float64    `json:"rounds"`
	Ratio  *RatioResult `json:"ratio,omitempty"` // absent from the base
}

// RatioResult is a ratio as the file has it.
type RatioResult struct {
	Median    *float64 `json:"median,omitempty"` // absent when swallowed
	Spread    float64  `json:"spread"`
	Swallowed bool     `json:"swallowed,omitempty"` // the rounds differ by more than the servers
}

// Names are the names by which results have the metrics.
var Names = [Metrics]string{
	PerSecond: "requests_per_second", P50: "latency_p50_us", P90: "latency_p90_us", P99: "latency_p99_us",
	P999: "latency_p99.9_us", P9999: "latency_p99.99_us", CPU: "cpu_us_per_request", User: "cpu_user_us_per_request",
	System: "cpu_system_us_per_request", RSS: "resident_bytes", IdleBytes: "bytes_per_idle_connection",
	Voluntary: "voluntary_switches_per_request", Involuntary: "involuntary_switches_per_request", BytesIn: "bytes_per_second",
	Capacity: "capacity_per_second", CalmP99: "latency_p99_without_slow_us",
	Handshakes: "handshakes_per_cpu_second",
}

// String is the ratio as tables have it: empty where there is none.
func (r *RatioResult) String() string {
	switch {
	case r == nil:
		return ""
	case r.Swallowed || r.Median == nil:
		return "~"
	}
	return times(*r.Median, r.Spread, r.Spread > 0)
}
