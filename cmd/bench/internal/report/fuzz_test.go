package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// FuzzReport: whatever the reader takes can be made a page and charts of.
func FuzzReport(f *testing.F) {
	for _, r := range []results.Run{measuredOnce("a"), measuredOnce("net/http", "native")} {
		b, err := json.Marshal(r)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"format":1,"base":"a","servers":[{"name":"a"}],"scenarios":[{"rows":[{"servers":[{"name":"a","metrics":{"cpu_us_per_request":{"median":-0.0,"rounds":null}}}]}]}]}`))
	f.Add([]byte(`{"format":1,"base":"\u0000","servers":[{"name":"\u0000"}],"scenarios":[{"rows":[{"servers":[{"name":"\u0000","metrics":{"capacity_per_second":{}},"latency_curve":[{"percent":99.9999999999999999,"us":5e-324},{"percent":50,"us":1e15}]}]}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<14 { // more of the same takes more time
			return
		}
		r, err := results.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		p, charts, err := newPage([]results.Run{r})
		require.NoError(t, err)
		var page bytes.Buffer
		require.NoError(t, p.write(&page))
		require.NotContains(t, strings.ToLower(page.String()), "<script")
		seen := map[string]bool{}
		for _, c := range charts {
			balanced(t, c.alone)
			require.False(t, seen[c.name])
			require.NotContains(t, c.name, "/")
			seen[c.name] = true
		}
	})
}
