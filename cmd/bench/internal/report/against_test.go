package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

func TestReportAgainst(t *testing.T) {
	was, is := measuredOnce("net/http", "native"), measuredOnce("net/http", "native", "new")
	set := func(r results.Run, server int, v, spread float64) {
		one := r.Scenarios[0].Rows[0].Servers[server].Metrics
		m := one[results.Names[results.CPU]]
		m.Median, m.Spread = v, &spread
		one[results.Names[results.CPU]] = m
	}
	run := func(flags ...string) (code int, out, errs string) {
		return runBench(t.Context(), append(append([]string{"report", "-against", saved(t, was)}, flags...), saved(t, is))...)
	}
	code, out, errs := run()
	require.Equal(t, 0, code, errs)
	require.Contains(t, out, "plaintext, 64 connections      net/http             10 → 10           +0.0%\n")
	require.NotContains(t, out, " new ") // it has nothing to be compared with
	require.Contains(t, out, "of 4 medians half differ by at most 0.0 %")

	set(was, 1, 8, 0.01)
	set(is, 1, 9, 0.02)
	code, out, errs = run()
	require.Equal(t, 1, code)
	require.Contains(t, out, "+12.5%  *\n")
	require.Contains(t, out, "the most by 12.5 %")
	require.Contains(t, errs, "1 of 4 medians differ by more than 5 %")
	code, _, _ = run("-within", "13")
	require.Equal(t, 0, code)

	set(was, 1, 8, 0.2) // whose own rounds differ by more
	code, out, _ = run()
	require.Equal(t, 0, code)
	require.Contains(t, out, "within ±20% of the rounds")

	code, out, errs = run("-metric", results.Names[results.IdleBytes])
	require.Equal(t, 0, code, errs)
	require.Contains(t, out, "of 2 medians")
	code, _, errs = run("-metric", results.Names[results.Voluntary])
	require.Equal(t, 1, code)
	require.Contains(t, errs, "no voluntary_switches_per_request in common")
	for _, flags := range [][]string{{"-metric", "speed"}, {"-within", "-1"}, {"-within", "NaN"}, {"another.json"}} {
		code, _, _ = run(flags...)
		require.Equal(t, 2, code, flags)
	}
}

// Whatever was measured, a figure is shown.
func TestDifferencesOfNothing(t *testing.T) {
	r := measuredOnce("a")
	one := r.Scenarios[0].Rows[0].Servers[0].Metrics
	one[results.Names[results.CPU]] = results.Figure{} // 0 cannot be compared
	require.Len(t, differences(r, r, results.Names[results.CPU]), 1)
	require.Empty(t, differences(r, results.Run{}, results.Names[results.CPU]))
	var out bytes.Buffer
	require.Error(t, against(&out, r, results.Run{}, results.Names[results.CPU], 0.05))
	require.Zero(t, out.Len())
}
