package processes

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
)

// status is what the admin endpoint tells.
type status struct {
	Master     int       `json:"master"` // process
	Generation int       `json:"generation"`
	Since      time.Time `json:"since"`
	State      string    `json:"state"`
	Changing   string    `json:"changing,omitempty"` // what is being replaced
	Restarts   uint64    `json:"restarts"`           // of workers that died
	Listening  []string  `json:"listening"`
	Total      Counters  `json:"total"` // of this master's workers, those that have ended included
	Workers    []worker  `json:"workers"`
}

type worker struct {
	Index      int       `json:"index"`
	Process    int       `json:"process"`
	Generation int       `json:"generation"`
	State      string    `json:"state"`
	Since      time.Time `json:"since"`
	Memory     uint64    `json:"memory"`
	Counters   Counters  `json:"counters"`
}

func (p phase) String() string { return [...]string{"coming up", "running", "draining", "cutting"}[p] }

func (m *master) status() *status {
	s := &status{
		Master: os.Getpid(), Generation: m.generation, Since: m.begun, State: m.phase.String(), Restarts: m.restarts, Total: m.past,
	}
	if m.change != nil {
		s.Changing = m.change.what
	}
	for _, g := range m.sockets {
		s.Listening = append(s.Listening, g.addr)
	}
	for c := range m.children {
		if c.Worker {
			s.Total.add(c.counters)
			s.Total.Open += c.counters.Open
			s.Workers = append(s.Workers, worker{c.Index, c.pid(), c.Generation, c.state.String(), c.started, c.memory, c.counters})
		}
	}
	slices.SortFunc(s.Workers, func(a, b worker) int { return cmp.Or(cmp.Compare(a.Index, b.Index), a.Since.Compare(b.Since)) })
	return s
}

// add sums what only grows.
func (c *Counters) add(d Counters) {
	c.Accepted += d.Accepted
	c.Requests += d.Requests
	c.Refused += d.Refused
	c.Hijacked += d.Hijacked
	c.Upgraded += d.Upgraded
	c.Panics += d.Panics
}

// metrics is the status in Prometheus' text format, version 0.0.4. It is written here because the client library would
// bring six modules into every program that has workers, for two dozen lines of text.
func (s *status) metrics() []byte {
	var b bytes.Buffer
	one := func(name, kind, help string, value any) {
		fmt.Fprintf(&b, "# HELP peregrine_%s %s\n# TYPE peregrine_%s %s\nperegrine_%s %v\n", name, help, name, kind, name, value)
	}
	one("generation", "gauge", "How often the workers or the program have been replaced, and one.", s.Generation)
	one("start_time_seconds", "gauge", "When the master began, in seconds since 1970.", s.Since.Unix())
	one("worker_restarts_total", "counter", "Workers that died and were replaced.", s.Restarts)
	one("connections_open", "gauge", "Connections that are open.", s.Total.Open)
	one("connections_accepted_total", "counter", "Connections that were accepted.", s.Total.Accepted)
	one("connections_hijacked_total", "counter", "Connections that handlers have taken over.", s.Total.Hijacked)
	one("connections_upgraded_total", "counter", "Connections that went over to another protocol.", s.Total.Upgraded)
	one("requests_total", "counter", "Requests that reached a handler.", s.Total.Requests)
	one("requests_refused_total", "counter", "Requests that were refused without one.", s.Total.Refused)
	one("handler_panics_total", "counter", "Handlers that panicked.", s.Total.Panics)
	states := map[string]int{}
	for st := starting; st <= killed; st++ {
		states[st.String()] = 0
	}
	for _, w := range s.Workers {
		states[w.State]++
	}
	b.WriteString("# HELP peregrine_workers Worker processes by state.\n# TYPE peregrine_workers gauge\n")
	for _, state := range slices.Sorted(maps.Keys(states)) {
		fmt.Fprintf(&b, "peregrine_workers{state=%q} %d\n", state, states[state])
	}
	b.WriteString("# HELP peregrine_worker_memory_bytes What a worker process keeps in memory.\n# TYPE peregrine_worker_memory_bytes gauge\n")
	for _, w := range s.Workers {
		fmt.Fprintf(&b, "peregrine_worker_memory_bytes{worker=\"%d\",process=\"%d\"} %d\n", w.Index, w.Process, w.Memory)
	}
	return b.Bytes()
}
