// Package benchtest is for tests alone: it runs command lines of bench, in the process of the test and in others, and serves the
// application by each server.
//
// A process of its own is the test binary again, started with a mark in its environment: Main, called by a package's TestMain,
// sees the mark and runs the command line instead of the tests. So nothing has to be built before a test, and what a comparison
// starts is what was compiled with it.
//
// Invariant: no program imports it.
package benchtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
)

// mark makes the test binary behave as the program.
const mark = "BENCH_TEST_RUN_MAIN"

// Main is a package's TestMain: it runs the tests, or p in a process that was started as the program.
func Main(m *testing.M, p command.Program) {
	if os.Getenv(mark) != "" {
		p.Main()
		return
	}
	os.Exit(m.Run())
}

// Children has the processes that are started by the path of the test binary, as a comparison does it, behave as the program
// until the test ends.
func Children(t *testing.T) { t.Setenv(mark, "1") }

// Process is the program as a process of its own, yet to be started.
func Process(t *testing.T, args ...string) *exec.Cmd {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), mark+"=1")
	return cmd
}

// Run runs a command line of p in this process, with nothing on its standard input.
func Run(ctx context.Context, p command.Program, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = p.Run(ctx, command.Env{Stdin: bytes.NewReader(nil), Stdout: &out, Stderr: &errs}, args)
	return code, out.String(), errs.String()
}

// WriterFunc is a writer that calls itself.
type WriterFunc func([]byte) (int, error)

func (f WriterFunc) Write(p []byte) (int, error) { return f(p) }
