package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetricNames(t *testing.T) {
	seen := map[string]bool{}
	for m := range Metrics {
		require.NotEmpty(t, metricNames[m])
		require.False(t, seen[metricNames[m]])
		seen[metricNames[m]] = true
	}
}
