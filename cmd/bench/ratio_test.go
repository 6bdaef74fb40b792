package main

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func samplesOf(m metric, values ...float64) (ss []sample) {
	for _, v := range values {
		s := noSample()
		s[m] = v
		ss = append(ss, s)
	}
	return ss
}

func TestRatio(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name        string
		base, other []float64
		want        string // "" for none
	}{
		{"clear", []float64{10, 10, 10, 10}, []float64{5, 5.2, 4.8, 5}, "0.50× ±4%"},
		{"drift cancels", []float64{10, 20, 40, 80}, []float64{5, 10, 20, 40}, "0.50× ±0%"},
		{"on both sides of one", []float64{10, 10, 10, 10}, []float64{9, 11, 9, 9}, "~"},
		{"equal", []float64{10, 10}, []float64{10, 10}, "~"},
		{"one side, but wide", []float64{10, 10, 10}, []float64{10.1, 10.2, 14}, "~"},
		{"one of eight disturbed", []float64{10, 10, 10, 10, 10, 10, 10, 10}, []float64{5, 5, 5, 5, 5, 5, 50, 5.2}, "0.50× ±0%"},
		{"one of seven disturbed", []float64{10, 10, 10, 10, 10, 10, 10}, []float64{5, 5, 5, 5, 5, 5, 50}, "~"},
		{"half of eight disturbed", []float64{10, 10, 10, 10, 10, 10, 10, 10}, []float64{5, 5, 5, 5, 50, 50, 50, 50}, "~"},
		{"one round", []float64{20_000}, []float64{400}, "0.020×"},
		{"a round without a figure", []float64{10, nan, 10}, []float64{20, 20, 20}, "2.00× ±0%"},
		{"no figures", []float64{nan}, []float64{nan}, ""},
		{"nothing measured", nil, []float64{1}, ""},
		{"memory that shrank", []float64{100}, []float64{-3}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, ok := newRatio(samplesOf(cpu, c.base...), samplesOf(cpu, c.other...), cpu)
			require.Equal(t, c.want != "", ok)
			if ok {
				require.Equal(t, c.want, r.String())
			}
		})
	}
}

func TestMedian(t *testing.T) {
	require.True(t, math.IsNaN(median(nil)))
	require.Equal(t, 3.0, median([]float64{3}))
	require.Equal(t, 2.5, median([]float64{4, 1, 3, 2}))
	require.Equal(t, 3.0, median([]float64{9, 1, 3}))
}

func TestTable(t *testing.T) {
	load := func(v ...float64) []sample {
		var ss []sample
		for _, x := range v {
			s := noSample()
			s[perSecond], s[p50], s[p99], s[cpu] = 100_000/x, 100*x, 1000*x, x
			ss = append(ss, s)
		}
		return ss
	}
	noCPU := noSample()
	noCPU[perSecond], noCPU[p50], noCPU[p99] = 800, 20_500, 22_000
	rowOf := func(title string, kind rowKind, rounds ...[]sample) row {
		r := newRow("", title, kind, len(rounds))
		r.rounds = rounds
		return r
	}
	rows := []row{
		rowOf("plaintext", rowLoad, load(10, 10, 10), load(5, 5, 5)),
		rowOf("asleep", rowFollows, []sample{noCPU}, []sample{noCPU}),
		rowOf("idle", rowIdle, samplesOf(idleBytes, 19_800), samplesOf(idleBytes, math.NaN())),
	}
	var b strings.Builder
	printTable(&b, []string{"net/http", "adapter"}, 0, rows, columns, true)
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

func TestFigures(t *testing.T) {
	for us, s := range map[float64]string{
		0.5: "0.5 µs", 42: "42 µs", 999: "999 µs", 1000: "1.00 ms", 12_345: "12.3 ms", 123_456: "123 ms", 2e6: "2.00 s",
	} {
		require.Equal(t, s, micros(us))
	}
	for n, s := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, s, thousands(n))
	}
}
