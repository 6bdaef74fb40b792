//go:build linux || darwin

package processes

import (
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSignalQueues: a master that is busy forgets that something has come often, but nothing that has come.
func TestSignalQueues(t *testing.T) {
	m := &master{log: slog.New(slog.DiscardHandler), events: make(chan func()), done: make(chan struct{}), phase: ending}
	stop := m.watchSignals()
	defer close(m.done)
	defer stop()
	for range 100 {
		require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGHUP))
		time.Sleep(time.Millisecond) // or the kernel makes one of several
	}
	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGTERM))
	for m.stopped.IsZero() {
		select {
		case f := <-m.events:
			f()
		case <-time.After(30 * time.Second):
			t.Fatal("the signal to end is lost")
		}
	}
}
