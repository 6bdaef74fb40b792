package main

import "fmt"

// columnOf is how a metric is shown.
type columnOf struct {
	metric metric
	title  string
	show   func(float64) string
}

var columns = []columnOf{
	{perSecond, "requests/s", count},
	{p50, "p50", micros},
	{p99, "p99", micros},
	{cpu, "CPU µs/request", two},
	{idleBytes, "B/idle connection", count},
}

// wideColumns are those of the second table.
var wideColumns = []columnOf{
	{user, "user µs", two},
	{system, "system µs", two},
	{rss, "memory MB", func(v float64) string { return fmt.Sprintf("%.1f", v/(1<<20)) }},
	{voluntary, "switches/request", func(v float64) string { return fmt.Sprintf("%.3f", v) }},
	{involuntary, "involuntary", func(v float64) string { return fmt.Sprintf("%.4f", v) }},
	{p90, "p90", micros},
	{p999, "p99.9", micros},
	{p9999, "p99.99", micros},
	{bytesIn, "MB/s", func(v float64) string { return fmt.Sprintf("%.1f", v/1e6) }},
}
