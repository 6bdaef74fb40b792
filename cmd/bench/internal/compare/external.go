package compare

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// external is a server that is not ours: a URL at which the endpoints of the application are to be found, or some of them, and
// the command that starts it, if we are to.
type external struct {
	name, url, addr string
	tls             bool
	command         []string
}

// externalKey names an external server, or the one of that name that has TLS.
type externalKey struct {
	name string
	tls  bool
}

// external is the external server of that name, nil if there is none: of two the one without TLS.
func (c *comparison) external(name string) *external {
	if x := c.externals[externalKey{name, false}]; x != nil {
		return x
	}
	return c.externals[externalKey{name, true}]
}

// parseExternal reads NAME=URL or NAME=URL,COMMAND ARGUMENT...
func parseExternal(text string) (*external, error) {
	name, rest, ok := strings.Cut(text, "=")
	url, words, _ := strings.Cut(rest, ",")
	x := &external{name: name, url: strings.TrimSuffix(url, "/"), command: strings.Fields(words)}
	if !ok || name == "" {
		return nil, command.UsageError("-external %q: want NAME=URL or NAME=URL,COMMAND", text)
	}
	r, err := load.NewRequest("GET", x.url+"/", nil, nil)
	if err != nil {
		return nil, command.UsageError("-external %s: %v", name, err)
	}
	x.addr, x.tls = r.Addr, r.TLS != nil
	if len(x.command) > 0 {
		if _, err := exec.LookPath(x.command[0]); err != nil {
			return nil, command.UsageError("-external %s: %v", name, err)
		}
	}
	return x, nil
}

// start runs the command, if there is one, and returns when the server accepts connections.
func (x *external) start(ctx context.Context, procs int, cpus []int) (*process.Child, error) {
	if len(x.command) > 0 {
		return process.StartCommand(ctx, x.name, x.url, x.addr, x.command, procs, cpus)
	}
	if err := process.Reach(ctx, x.addr, time.Second); err != nil {
		return nil, fmt.Errorf("%s: %w", x.name, err)
	}
	return process.Running(x.name, x.url, x.addr), nil
}
