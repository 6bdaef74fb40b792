package websocket_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// autobahnCases in the environment names the cases that TestAutobahn has run: "*" for all, which takes many minutes for each
// server, or "1.*,2.*". wstest, the program of the Autobahn test-suite, is then in the PATH.
const autobahnCases = "PEREGRINE_AUTOBAHN"

// TestAutobahn lets the Autobahn test-suite's client judge echoes in each style, with and without context takeover.
func TestAutobahn(t *testing.T) {
	cases := os.Getenv(autobahnCases)
	if cases == "" {
		t.Skipf("SKIPPED: %s names no cases for wstest", autobahnCases)
	}
	for _, transport := range transports {
		for style, o := range styles() {
			for compression, takeover := range map[string]bool{"takeover": true, "alone": false} {
				t.Run(transport+" "+style+" "+compression, func(t *testing.T) {
					o.Compression, o.ContextTakeover = 6, takeover
					o.Limits = wsproto.Limits{MessageBytesMax: 16 << 20} // of the cases 9.*
					url, _ := serve(t, transport, peregrine.New(o))
					autobahn(t, url+"autobahn", strings.Split(cases, ","))
				})
			}
		}
	}
}

// autobahn requires that each case is OK, or informational, as is how the connection was closed behind it.
func autobahn(t *testing.T, url string, cases []string) {
	dir := t.TempDir()
	const agent = "peregrine"
	spec, err := json.Marshal(map[string]any{
		"servers": []map[string]string{{"agent": agent, "url": url}}, "outdir": dir,
		"cases": cases, "exclude-cases": []string{}, "exclude-agent-cases": map[string]any{},
	})
	require.NoError(t, err)
	file := filepath.Join(dir, "spec.json")
	require.NoError(t, os.WriteFile(file, spec, 0o644))
	out, err := exec.Command("wstest", "-m", "fuzzingclient", "-s", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	require.NoError(t, err, "%s", out)
	var agents map[string]map[string]struct{ Behavior, BehaviorClose, ReportFile string }
	require.NoError(t, json.Unmarshal(index, &agents))
	count := map[string]int{}
	for name, v := range agents[agent] {
		count[v.Behavior]++
		for _, verdict := range []string{v.Behavior, v.BehaviorClose} {
			if verdict != "OK" && verdict != "INFORMATIONAL" {
				var report struct{ Result, ResultClose, WasNotCleanReason string }
				b, err := os.ReadFile(filepath.Join(dir, v.ReportFile))
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(b, &report))
				t.Errorf("case %s: %s, close: %s: %+v", name, v.Behavior, v.BehaviorClose, report)
				break
			}
		}
	}
	require.NotEmpty(t, count, "%s", out)
	t.Logf("%v", count)
}
