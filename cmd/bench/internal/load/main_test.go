package load

import (
	"context"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
)

var bench = command.Program{Commands: map[string]command.Func{"load": Command}}

// runBench runs a command line in this process.
func runBench(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	return benchtest.Run(ctx, bench, args...)
}
