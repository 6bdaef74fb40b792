package load

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzChecker cuts any bytes anywhere: the verdicts do not depend on the cut, and one that passes is passed by net/http too.
func FuzzChecker(f *testing.F) {
	for _, c := range checkCases {
		f.Add(c.in, 7)
	}
	f.Fuzz(func(t *testing.T, in string, at int) {
		whole := tell(wantHello, in)
		at = min(max(at, 0), len(in))
		require.Equal(t, whole, tell(wantHello, in[:at], in[at:]))
		if len(whole) > 0 && strings.HasPrefix(whole[0], "ok") {
			read, good := oracle([]byte(in), wantHello)
			require.True(t, read && good, "passed, but not by net/http: %q", in)
		}
	})
}
