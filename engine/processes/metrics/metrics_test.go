package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/processes"
	"github.com/peregrine-http/peregrine/engine/processes/metrics"
)

var status = &processes.Status{
	Generation: 3, Since: time.Unix(1700000000, 0), Restarts: 2, Dropped: 5,
	Total: processes.Counters{Accepted: 10, Open: 4, Requests: 1 << 40, Refused: 1, Hijacked: 6, Upgraded: 7, Panics: 8, HandshakesFailed: 9},
	Workers: []processes.WorkerStatus{
		{Index: 0, Process: 100, State: "ready", Memory: 9 << 20, Counters: processes.Counters{Open: 3, Requests: 70}},
		{Index: 1, Process: 101, State: "draining", Memory: 8 << 20},
		{Index: 1, Process: 102, State: "ready"},
	},
}

func TestText(t *testing.T) {
	for range 2 { // nothing is kept
		text, err := metrics.Text(status)
		require.NoError(t, err)
		for _, line := range []string{
			"# HELP peregrine_requests_total Requests that reached a handler.",
			"# TYPE peregrine_requests_total counter",
			"peregrine_requests_total 1.099511627776e+12",
			"peregrine_generation 3",
			"peregrine_start_time_seconds 1.7e+09",
			"peregrine_connections_open 4",
			"peregrine_connections_accepted_total 10",
			"peregrine_requests_refused_total 1",
			"peregrine_connections_hijacked_total 6",
			"peregrine_connections_upgraded_total 7",
			"peregrine_tls_handshakes_failed_total 9",
			"peregrine_handler_panics_total 8",
			"peregrine_worker_restarts_total 2",
			"peregrine_broadcasts_dropped_total 5",
			`peregrine_workers{state="ready"} 2`,
			`peregrine_workers{state="draining"} 1`,
			`peregrine_workers{state="hung"} 0`,
			`peregrine_worker_memory_bytes{process="100",worker="0"} 9.437184e+06`,
			`peregrine_worker_connections_open{process="100",worker="0"} 3`,
			`peregrine_worker_requests_total{process="100",worker="0"} 70`,
			`peregrine_worker_requests_total{process="102",worker="1"} 0`,
		} {
			require.Contains(t, strings.Split(string(text), "\n"), line, string(text))
		}
	}
}

// TestTextFails: what cannot be told is an error, not a wrong figure.
func TestTextFails(t *testing.T) {
	twice := *status
	twice.Workers = append(twice.Workers, twice.Workers[0])
	_, err := metrics.Text(&twice)
	require.ErrorContains(t, err, "collected before")
}
