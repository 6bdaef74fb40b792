package servers_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// serve leaves a profile behind when it ends, in the form that pprof reads: gzip.
func TestServeProfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu.prof")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	code, _, stderr := runBench(ctx, "serve", "-addr", "127.0.0.1:0", "-cpuprofile", file)
	require.Zero(t, code, stderr)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, []byte{0x1f, 0x8b}, b[:2])

	code, _, stderr = runBench(ctx, "serve", "-addr", "127.0.0.1:0", "-cpuprofile", filepath.Join(file, "none"))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "cpu.prof")
}
