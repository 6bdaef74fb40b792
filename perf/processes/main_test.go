package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServers(t *testing.T) {
	require.Len(t, order, len(servers))
	for _, name := range order {
		require.Contains(t, servers, name)
	}
}

func TestMedian(t *testing.T) {
	var results []result
	for _, v := range []float64{5, 1, 4, 2, 3} {
		results = append(results, result{micros: v})
	}
	middle, spread := median(results, func(r result) float64 { return r.micros })
	require.Equal(t, 3.0, middle)
	require.Equal(t, 1.0, spread)
}

// TestUsage: the memory of this process is part of that of its parent and all that it has started.
func TestUsage(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	_, own := usage(os.Getpid())
	require.Positive(t, own)
	_, more := usage(os.Getppid())
	require.Greater(t, more, own)
}
