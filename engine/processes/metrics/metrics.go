// Package metrics writes the status of worker processes for Prometheus, with its client library: processes.Options.Metrics.
//
// The numbers are the workers', summed by their master; nothing is kept between two calls.
//
// Invariant: a counter never goes back as long as the master lives, for it includes workers that have ended.
package metrics

import (
	"bytes"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/peregrine-http/peregrine/engine/processes"
)

// Text writes a status in the text format, version 0.0.4. It may be called by several goroutines.
func Text(s *processes.Status) ([]byte, error) {
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(collector{s}); err != nil {
		return nil, err
	}
	families, err := registry.Gather()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("peregrine_"+name, help, labels, nil)
}

// total is a figure of the whole service.
type total struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*processes.Status) float64
}

func gauge(name, help string, of func(*processes.Status) float64) total {
	return total{describe(name, help), prometheus.GaugeValue, of}
}

func counter(name, help string, of func(*processes.Counters) uint64) total {
	return total{describe(name, help), prometheus.CounterValue, func(s *processes.Status) float64 { return float64(of(&s.Total)) }}
}

var totals = []total{
	gauge("generation", "How often the workers or the program have been replaced, and one.", func(s *processes.Status) float64 { return float64(s.Generation) }),
	gauge("start_time_seconds", "When the master began, in seconds since 1970.", func(s *processes.Status) float64 { return float64(s.Since.UnixMilli()) / 1000 }),
	gauge("connections_open", "Connections that are open.", func(s *processes.Status) float64 { return float64(s.Total.Open) }),
	{describe("worker_restarts_total", "Workers that died and were replaced."), prometheus.CounterValue, func(s *processes.Status) float64 { return float64(s.Restarts) }},
	{describe("broadcasts_dropped_total", "Messages between workers that did not fit into a queue."), prometheus.CounterValue, func(s *processes.Status) float64 { return float64(s.Dropped) }},
	counter("connections_accepted_total", "Connections that were accepted.", func(c *processes.Counters) uint64 { return c.Accepted }),
	counter("connections_hijacked_total", "Connections that handlers have taken over.", func(c *processes.Counters) uint64 { return c.Hijacked }),
	counter("connections_upgraded_total", "Connections that went over to another protocol.", func(c *processes.Counters) uint64 { return c.Upgraded }),
	counter("requests_total", "Requests that reached a handler.", func(c *processes.Counters) uint64 { return c.Requests }),
	counter("requests_refused_total", "Requests that were refused without one.", func(c *processes.Counters) uint64 { return c.Refused }),
	counter("tls_handshakes_failed_total", "TLS handshakes that failed.", func(c *processes.Counters) uint64 { return c.HandshakesFailed }),
	counter("handler_panics_total", "Handlers that panicked.", func(c *processes.Counters) uint64 { return c.Panics }),
}

// Of each worker, by its place; a worker that drains has the place of its successor, so its process is told, too.
var (
	workers  = describe("workers", "Worker processes by state.", "state")
	memory   = describe("worker_memory_bytes", "What a worker process keeps in memory.", "worker", "process")
	open     = describe("worker_connections_open", "Connections that are open in a worker process.", "worker", "process")
	requests = describe("worker_requests_total", "Requests that reached a handler in a worker process.", "worker", "process")
)

// collector gives a status to the library.
type collector struct{ s *processes.Status }

func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, t := range totals {
		to <- t.desc
	}
	for _, d := range []*prometheus.Desc{workers, memory, open, requests} {
		to <- d
	}
}

func (c collector) Collect(to chan<- prometheus.Metric) {
	for _, t := range totals {
		to <- prometheus.MustNewConstMetric(t.desc, t.kind, t.of(c.s))
	}
	states := map[string]int{}
	for _, w := range c.s.Workers {
		states[w.State]++
		worker, process := strconv.Itoa(w.Index), strconv.Itoa(w.Process)
		to <- prometheus.MustNewConstMetric(memory, prometheus.GaugeValue, float64(w.Memory), worker, process)
		to <- prometheus.MustNewConstMetric(open, prometheus.GaugeValue, float64(w.Counters.Open), worker, process)
		to <- prometheus.MustNewConstMetric(requests, prometheus.CounterValue, float64(w.Counters.Requests), worker, process)
	}
	for _, state := range processes.WorkerStates() {
		to <- prometheus.MustNewConstMetric(workers, prometheus.GaugeValue, float64(states[state]), state)
	}
}
