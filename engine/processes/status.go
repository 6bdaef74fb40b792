package processes

import (
	"cmp"
	"os"
	"slices"
	"time"
)

// Status is what the admin endpoint tells of the service.
type Status struct {
	Master     int            `json:"master"` // process
	Generation int            `json:"generation"`
	Since      time.Time      `json:"since"`
	State      string         `json:"state"`              // coming up, running, draining, cutting
	Changing   string         `json:"changing,omitempty"` // what is being replaced
	Restarts   uint64         `json:"restarts"`           // of workers that died
	Dropped    uint64         `json:"dropped"`            // broadcasts that did not fit into a queue (Worker.Join)
	Listening  []string       `json:"listening"`
	Total      Counters       `json:"total"` // of this master's workers, those that have ended included
	Workers    []WorkerStatus `json:"workers"`
}

// WorkerStatus is what is known of a worker process, one that starts or drains included. Counters and Memory are as old as
// its last sign of life, a second at most.
type WorkerStatus struct {
	Index      int       `json:"index"`
	Process    int       `json:"process"`
	Generation int       `json:"generation"`
	State      string    `json:"state"` // one of WorkerStates
	Since      time.Time `json:"since"`
	Memory     uint64    `json:"memory"` // bytes
	Counters   Counters  `json:"counters"`
}

// WorkerStates are the values of WorkerStatus.State.
func WorkerStates() (states []string) {
	for s := starting; s <= killed; s++ {
		states = append(states, s.String())
	}
	return states
}

func (p phase) String() string { return [...]string{"coming up", "running", "draining", "cutting"}[p] }

func (m *master) status() *Status {
	s := &Status{
		Master: os.Getpid(), Generation: m.generation, Since: m.begun, State: m.phase.String(), Restarts: m.restarts, Dropped: m.dropped,
		Total: m.past,
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
			s.Dropped += c.dropped()
			s.Workers = append(s.Workers, WorkerStatus{c.Index, c.pid(), c.Generation, c.state.String(), c.started, c.memory, c.counters})
		}
	}
	slices.SortFunc(s.Workers, func(a, b WorkerStatus) int { return cmp.Or(cmp.Compare(a.Index, b.Index), a.Since.Compare(b.Since)) })
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
	c.HandshakesFailed += d.HandshakesFailed
}
