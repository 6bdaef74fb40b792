package results

import (
	"fmt"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
)

// Column is how a metric is shown.
type Column struct {
	Metric Metric
	Title  string
	Show   func(float64) string
}

// Columns are those of the first table.
var Columns = []Column{
	{PerSecond, "requests/s", figures.Count},
	{P50, "p50", figures.Micros},
	{P99, "p99", figures.Micros},
	{CPU, "CPU µs/request", figures.Hundredths},
	{IdleBytes, "B/idle connection", figures.Count},
}

// WideColumns are those of the second table.
var WideColumns = []Column{
	{User, "user µs", figures.Hundredths},
	{System, "system µs", figures.Hundredths},
	{RSS, "memory MB", func(v float64) string { return fmt.Sprintf("%.1f", v/(1<<20)) }},
	{Voluntary, "switches/request", func(v float64) string { return fmt.Sprintf("%.3f", v) }},
	{Involuntary, "involuntary", func(v float64) string { return fmt.Sprintf("%.4f", v) }},
	{P90, "p90", figures.Micros},
	{P999, "p99.9", figures.Micros},
	{P9999, "p99.99", figures.Micros},
	{BytesIn, "MB/s", func(v float64) string { return fmt.Sprintf("%.1f", v/1e6) }},
}
