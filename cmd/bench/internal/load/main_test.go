package load

import (
	"context"
	"strings"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
)

var bench = command.Program{Commands: map[string]command.Func{"load": Command}}

// runBench runs a command line in this process. Tests measure for some 50 ms, all of which a machine may stand still: it is tried
// again then, which helps nobody who does not answer.
func runBench(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	for range 4 {
		if code, stdout, stderr = benchtest.Run(ctx, bench, args...); !strings.Contains(stderr, ErrNothing.Error()) {
			break
		}
	}
	return code, stdout, stderr
}
