package compare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
)

func TestCompareByWrk(t *testing.T) {
	t.Parallel() // in processes of its own
	if _, err := load.FindWrk(); err != nil {
		t.Skip("wrk is not installed")
	}
	cmd := benchtest.Process(t, "-servers", "net/http,fasthttp", "-scenarios", "pipelined", "-load", "wrk", "-rounds", "1", "-warmup", "20ms", "-c", "8")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "load by wrk")
	require.Regexp(t, `plaintext, pipelined by 16 +net/http +\S.*\n +fasthttp +\S.*\n +ratio`, string(out))
	require.NotContains(t, string(out), "n/a")
}

func TestLoadWrkNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	code, _, stderr := runBench(t.Context(), "-load", "wrk")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "wrk")
}
