package servers_test

import (
	"context"
	"testing"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

var bench = command.Program{Commands: map[string]command.Func{"serve": servers.Command}}

func TestMain(m *testing.M) { benchtest.Main(m, bench) }

// runBench runs a command line in this process.
func runBench(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	return benchtest.Run(ctx, bench, args...)
}
