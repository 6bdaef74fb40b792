package compare

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

func TestTable(t *testing.T) {
	load := func(v ...float64) []results.Sample {
		var ss []results.Sample
		for _, x := range v {
			s := results.NoSample()
			s[results.PerSecond], s[results.P50], s[results.P99], s[results.CPU] = 100_000/x, 100*x, 1000*x, x
			ss = append(ss, s)
		}
		return ss
	}
	idle := func(v float64) []results.Sample {
		s := results.NoSample()
		s[results.IdleBytes] = v
		return []results.Sample{s}
	}
	noCPU := results.NoSample()
	noCPU[results.PerSecond], noCPU[results.P50], noCPU[results.P99] = 800, 20_500, 22_000
	rowOf := func(title string, kind rowKind, rounds ...[]results.Sample) row {
		r := newRow("", title, kind, len(rounds))
		r.rounds = rounds
		return r
	}
	rows := []row{
		rowOf("plaintext", rowLoad, load(10, 10, 10), load(5, 5, 5)),
		rowOf("asleep", rowFollows, []results.Sample{noCPU}, []results.Sample{noCPU}),
		rowOf("idle", rowIdle, idle(19_800), idle(math.NaN())),
	}
	var b strings.Builder
	printTable(&b, []string{"net/http", "adapter"}, 0, rows, results.Columns, true)
	require.Equal(t, `
                     requests/s        p50        p99  CPU µs/request  B/idle connection
plaintext  net/http      10,000    1.00 ms    10.0 ms           10.00
           adapter       20,000     500 µs    5.00 ms            5.00
           ratio      2.00× ±0%  0.50× ±0%  0.50× ±0%       0.50× ±0%

asleep     net/http         800    20.5 ms    22.0 ms
           adapter          800    20.5 ms    22.0 ms
           ratio          1.00×      1.00×      1.00×

idle       net/http                                                               19,800
           adapter                                                                   n/a
           ratio
`, "\n"+b.String())
}
