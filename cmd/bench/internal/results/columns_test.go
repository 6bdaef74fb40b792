package results

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetricNames(t *testing.T) {
	seen := map[string]bool{}
	for m := range Metrics {
		require.NotEmpty(t, Names[m])
		require.False(t, seen[Names[m]])
		seen[Names[m]] = true
	}
}
