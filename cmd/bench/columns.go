package main

import "fmt"

// Column is how a metric is shown.
type Column struct {
	Metric Metric
	Title  string
	Show   func(float64) string
}

var Columns = []Column{
	{PerSecond, "requests/s", Count},
	{P50, "p50", Micros},
	{P99, "p99", Micros},
	{CPU, "CPU µs/request", Hundredths},
	{IdleBytes, "B/idle connection", Count},
}

// WideColumns are those of the second table.
var WideColumns = []Column{
	{User, "user µs", Hundredths},
	{System, "system µs", Hundredths},
	{RSS, "memory MB", func(v float64) string { return fmt.Sprintf("%.1f", v/(1<<20)) }},
	{Voluntary, "switches/request", func(v float64) string { return fmt.Sprintf("%.3f", v) }},
	{Involuntary, "involuntary", func(v float64) string { return fmt.Sprintf("%.4f", v) }},
	{P90, "p90", Micros},
	{P999, "p99.9", Micros},
	{P9999, "p99.99", Micros},
	{BytesIn, "MB/s", func(v float64) string { return fmt.Sprintf("%.1f", v/1e6) }},
}
