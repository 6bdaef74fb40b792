package fuzz

import (
	"bytes"
	"os"
	"testing"
)

// FuzzSelftest finds a planted mistake when PEREGRINE_FUZZ_SELFTEST is 1: a property that the third byte breaks. A run of
// it that passes then shows that the runner does not see failures.
func FuzzSelftest(f *testing.F) {
	planted := os.Getenv("PEREGRINE_FUZZ_SELFTEST") == "1"
	f.Add([]byte("ab"))  // holds
	f.Add([]byte("abc")) // one changed byte away from the mistake
	f.Fuzz(func(t *testing.T, b []byte) {
		if planted && len(b) > 2 && (b[2] != 'c' || bytes.Contains(b, []byte("abcc"))) {
			t.Fatalf("planted mistake found: %q", b)
		}
	})
}
