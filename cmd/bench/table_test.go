package main

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	load := func(v ...float64) []Sample {
		var ss []Sample
		for _, x := range v {
			s := NoSample()
			s[PerSecond], s[P50], s[P99], s[CPU] = 100_000/x, 100*x, 1000*x, x
			ss = append(ss, s)
		}
		return ss
	}
	idle := func(v float64) []Sample {
		s := NoSample()
		s[IdleBytes] = v
		return []Sample{s}
	}
	noCPU := NoSample()
	noCPU[PerSecond], noCPU[P50], noCPU[P99] = 800, 20_500, 22_000
	rowOf := func(title string, kind rowKind, rounds ...[]Sample) row {
		r := newRow("", title, kind, len(rounds))
		r.rounds = rounds
		return r
	}
	rows := []row{
		rowOf("plaintext", rowLoad, load(10, 10, 10), load(5, 5, 5)),
		rowOf("asleep", rowFollows, []Sample{noCPU}, []Sample{noCPU}),
		rowOf("idle", rowIdle, idle(19_800), idle(math.NaN())),
	}
	var b strings.Builder
	printTable(&b, []string{"net/http", "adapter"}, 0, rows, Columns, true)
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
