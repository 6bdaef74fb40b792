package wsproto

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRules: every rule has a name of its own, a section and an outcome, and some test breaks it.
func TestRules(t *testing.T) {
	broken := map[string]bool{
		// TestOrigin; for the client's side of the handshake TestAnswer and TestDeflateAnswers.
		"handshake-origin": true,
		"answer-status":    true, "answer-upgrade": true, "answer-accept": true, "answer-protocol": true, "answer-extension": true,
		"answer-extension-parameters": true,
	}
	for _, s := range sessions() {
		if _, name, ok := strings.Cut(s.want, "! "); ok {
			broken[name] = true
		}
	}
	for _, c := range openings {
		if c.want != nil {
			broken[c.want.(*Error).Rule] = true
		}
	}
	names := map[string]bool{}
	for _, e := range Rules() {
		require.False(t, names[e.Rule], e.Rule)
		names[e.Rule] = true
		require.True(t, broken[e.Rule], "no test breaks %s", e.Rule)
		require.Contains(t, e.RFC, "section")
		require.Contains(t, e.Error(), e.Rule)
		require.True(t, e.Code == 0 || e.Code.Sendable())
		require.False(t, e.Code != 0 && e.Status != 0)
	}
	require.Len(t, names, len(broken))
}
