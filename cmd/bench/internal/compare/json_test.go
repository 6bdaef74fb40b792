package compare

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

var freeAddrs atomic.Uint32

// freeAddr is an address at which nobody listens, nor will: other tests do at 127.0.0.1, which on some systems is all there is.
func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.1.%d:0", freeAddrs.Add(1)))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// A comparison with a raw server, an external one and an open loop: what is on the page is in the file.
func TestCompareResults(t *testing.T) {
	t.Parallel() // in processes of its own
	if runtime.GOOS != "linux" {
		t.Skip("raw servers run on Linux")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	addr := freeAddr(t)
	file := filepath.Join(t.TempDir(), "results.json")
	args := append([]string{"compare", "-servers", "floor", "-scenarios", "plaintext,open-50,idle",
		"-external", fmt.Sprintf("theirs=http://%s,%s serve -server net/http -addr %s", addr, self, addr),
		"-base", "theirs", "-wide", "-json", file}, append(quick[:len(quick):len(quick)], "-rounds", "1", "-d", "700ms")...) // a percentile wants its hundred answers
	out, err := benchtest.Process(t, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `plaintext, 8 connections +floor +\S.*\n +theirs +\S.*\n +ratio `, string(out))
	require.Contains(t, string(out), "p99.99")

	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var r results.Run
	require.NoError(t, json.Unmarshal(b, &r))
	require.Equal(t, 1, r.Format)
	require.Equal(t, "theirs", r.Base)
	require.Equal(t, append([]string{"bench"}, args...), r.Command)
	require.Equal(t, runtime.Version(), r.Build.Go)
	require.NotEmpty(t, r.Machine.Kernel)
	require.Len(t, r.Servers, 2)
	require.Equal(t, "http://"+addr, r.Servers[1].URL)
	require.Equal(t, "serve", r.Servers[1].Command[1])
	require.Empty(t, r.Failures)
	require.Len(t, r.Scenarios, 3)
	for _, s := range r.Scenarios {
		require.NotEmpty(t, s.What)
		require.Len(t, s.Rows, 1)
		require.Len(t, s.Rows[0].Servers, 2)
		for _, one := range s.Rows[0].Servers {
			if s.Name == "idle" {
				require.Empty(t, one.Curve)
				continue
			}
			require.NotEmpty(t, one.Curve)
			for _, m := range []results.Metric{results.PerSecond, results.P50, results.P99, results.CPU, results.RSS, results.Voluntary, results.BytesIn} {
				got := one.Metrics[results.Names[m]]
				require.Len(t, got.Rounds, 1, "%s of %s in %s", results.Names[m], one.Name, s.Name)
				require.GreaterOrEqual(t, got.Median, 0.0)
				require.Equal(t, one.Name == "theirs", got.Ratio == nil && got.Median > 0)
			}
		}
	}
	for _, one := range r.Scenarios[1].Rows[0].Servers {
		require.Positive(t, one.Metrics["capacity_per_second"].Median)
	}
	require.NotContains(t, r.Scenarios[0].Rows[0].Servers[0].Metrics, "capacity_per_second")
}
