package results

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func samplesOf(m Metric, values ...float64) (ss []Sample) {
	for _, v := range values {
		s := NoSample()
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
			r, ok := NewRatio(samplesOf(CPU, c.base...), samplesOf(CPU, c.other...), CPU)
			require.Equal(t, c.want != "", ok)
			if ok {
				require.Equal(t, c.want, r.String())
			}
		})
	}
}

func TestMedian(t *testing.T) {
	require.True(t, math.IsNaN(Median(nil)))
	require.Equal(t, 3.0, Median([]float64{3}))
	require.Equal(t, 2.5, Median([]float64{4, 1, 3, 2}))
	require.Equal(t, 3.0, Median([]float64{9, 1, 3}))
}
