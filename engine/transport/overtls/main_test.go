package overtls_test

import (
	"bytes"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain sees that no goroutine of ours is left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	buf := make([]byte, 4<<20)
	for start := time.Now(); code == 0; time.Sleep(10 * time.Millisecond) {
		stacks := buf[:runtime.Stack(buf, true)]
		if bytes.Count(stacks, []byte("peregrine/engine/")) == bytes.Count(stacks, []byte("overtls_test.TestMain")) {
			break
		}
		if time.Since(start) > patience {
			os.Stderr.Write(stacks)
			code = 1
		}
	}
	os.Exit(code)
}
