package compare

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

const usageText = `Usage: bench [compare] [flags]

Serves one application by several servers, each in a process of its own, and loads them in turns, A B B A, so that
what the machine does meanwhile cancels. Every response is checked. Each figure is the median of the rounds;
each ratio is the median of the rounds' ratios to the base, with half their spread behind it, and is left out
where the rounds differ by more than the servers. From 8 rounds on the spread is that of their middle half.

The servers run with GOMAXPROCS=1 on a CPU of their own and the load on another, where there are two and the system
can pin (Linux). Requests per second and latencies are those of a server kept busy by a closed loop, but for the scenarios
that are an open one. The CPU time is the server process's, user and system, divided by the requests; it is the steadiest of
the figures.

With -load wrk the load is wrk's, on the same CPU; ours warms up and checks every body, and then wrk's bytes are counted.

Memory of idle connections is resident memory after a garbage collection, less that before the connections were opened.

"bench compare -servers all -scenarios all" takes less than 15 minutes. A server that fails in a scenario is left out of it,
the others go on, and the exit code is 1.

`

const scenarioHead = "Scenarios (without -scenarios: " + shortScenarios + "):\n"

// comparison is one run of compare.
type comparison struct {
	servers   []string
	base      int // of the ratios: its place in servers
	externals map[externalKey]*external
	scenarios []scenario
	serve     servers.Options
	rounds    int
	duration  time.Duration
	warmup    time.Duration
	timeout   time.Duration
	conns     int
	idle      int
	procs     int

	wrk *load.Wrk // nil: our own load

	serverCPUs, loaderCPUs []int
	line                   *command.Progress
	step, steps            int

	wide    bool
	json    string // a file
	command []string
	begun   time.Time

	rows      []row
	slow      []slowLoad
	warnings  []string
	failures  []string
	loads     int // measurements under load
	disturbed int // of these, the ones in which neither server nor load could use its CPU up
}

// Command is bench compare.
func Command(ctx context.Context, e command.Env, args []string) error {
	c := comparison{line: command.NewProgress(e.Stderr), command: append([]string{"bench", "compare"}, args...), begun: time.Now()}
	fs := command.NewFlags("compare", usageText+scenarioHead+scenarioList()+"\nFlags:\n")
	names := fs.String("servers", "net/http,adapter", "`NAMES` of the servers, or all: "+strings.Join(servers.Names(), ", "))
	wanted := fs.String("scenarios", "", "`NAMES` of the scenarios from the list above, or all")
	var externals command.List
	fs.Var(&externals, "external", "`NAME=URL` of another server that offers the application or a part of it, or NAME=URL,COMMAND with what starts it\nand stays in the foreground; may be repeated, for a server of the same name over TLS with an https URL")
	base := fs.String("base", "", "`NAME` of the server to which the ratios are (default the first)")
	loader := fs.String("load", "ours", "`NAME` of what loads: ours, wrk (where installed; whole seconds only)")
	fs.IntVar(&c.rounds, "rounds", 4, "`ROUNDS` of each scenario")
	fs.DurationVar(&c.duration, "d", 450*time.Millisecond, "`TIME` to measure a server in a round")
	fs.DurationVar(&c.warmup, "warmup", 100*time.Millisecond, "`TIME` to load before measuring")
	fs.DurationVar(&c.timeout, "timeout", 10*time.Second, "`TIME` to wait for a connection or a response")
	fs.IntVar(&c.conns, "c", 64, "`CONNECTIONS` that load a server, where the scenario does not say how many")
	fs.IntVar(&c.idle, "idle", 5000, "idle `CONNECTIONS` whose memory is measured")
	fs.IntVar(&c.procs, "procs", 1, "`CPUS` for a server (GOMAXPROCS)")
	fs.BoolVar(&c.wide, "wide", false, "a second table: user and system time, memory, context switches, percentiles to 99.99")
	fs.StringVar(&c.json, "json", "", "`FILE` to write all results to, as JSON")
	c.serve.Add(fs)
	if err := fs.Parse(e, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return command.UsageError("compare takes no arguments: %q", fs.Args())
	}
	if err := c.chooseServers(*names, externals, *base); err != nil {
		return err
	}
	var err error
	if c.scenarios, err = chosen(*wanted, c.servers); err != nil {
		return err
	}
	if err = c.serve.Check(c.servers); err != nil {
		return err
	}
	if err := c.checkNumbers(); err != nil {
		return err
	}
	if err := c.chooseLoad(*loader, fs.Given("d")); err != nil {
		return err
	}
	if c.json != "" { // at the end it would be too late to find out that it cannot be written
		f, err := os.OpenFile(c.json, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		f.Close()
	}
	if c.rounds == 1 {
		c.warn("of one round nobody knows how far another would differ: the ratios have no spread")
	}
	if err := c.place(); err != nil {
		return err
	}
	err = c.run(ctx)
	c.line.Clear()
	c.print(e.Stdout)
	if c.json != "" {
		if jerr := c.writeJSON(ctx.Err() != nil); jerr != nil {
			return jerr
		}
	}
	switch {
	case ctx.Err() != nil:
		return command.ErrInterrupted
	case err == nil && len(c.failures) > 0:
		return fmt.Errorf("failed: %s", strings.Join(c.failures, "; "))
	}
	return err
}

// checkNumbers refuses what is out of bounds, and adapts what this process may not have.
func (c *comparison) checkNumbers() error {
	for _, f := range []struct {
		name     string
		n        int
		min, max int
	}{
		{"rounds", c.rounds, 1, 1000}, {"c", c.conns, 4, 20_000}, {"idle", c.idle, 1, idleMax},
		{"procs", c.procs, 1, 1024},
	} {
		if f.n < f.min || f.n > f.max {
			return command.UsageError("-%s %d: want %d to %d", f.name, f.n, f.min, f.max)
		}
	}
	if c.duration <= 0 || c.warmup < 0 || c.timeout <= 0 {
		return command.UsageError("-d %v, -warmup %v, -timeout %v: want times to wait", c.duration, c.warmup, c.timeout)
	}
	fds := process.ConnectionsMax()
	if fds < c.conns {
		return command.UsageError("-c %d: this process may have %d connections (ulimit -n)", c.conns, fds)
	}
	if fds < c.idle {
		c.warn("idle: %d connections instead of %d, as many as this process may have (ulimit -n)", fds, c.idle)
		c.idle = fds
	}
	c.scenarios = slices.DeleteFunc(c.scenarios, func(s scenario) bool {
		if s.conns > fds {
			c.warn("%s is left out: this process may have %d connections (ulimit -n)", s.name, fds)
		}
		return s.conns > fds
	})
	return nil
}

// idleMax leaves room in the usual range of 28,000 local ports.
const idleMax = 15_000

func (c *comparison) warn(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(c.warnings, s) {
		c.warnings = append(c.warnings, s)
	}
}

// place gives the servers and the load CPUs of their own.
func (c *comparison) place() error {
	cpus := process.AllowedCPUs()
	if c.serverCPUs, c.loaderCPUs = process.SplitCPUs(cpus, c.procs); c.loaderCPUs == nil {
		if len(cpus) <= c.procs {
			c.warn("servers and load share %d CPU: requests/s and latencies are about both, CPU time is the server's own", len(cpus))
		}
		return nil
	}
	if err := process.MoveTo(c.loaderCPUs); err != nil {
		return err
	}
	runtime.GOMAXPROCS(len(c.loaderCPUs))
	return nil
}

// chooseLoad sets what loads the servers. wrk measures whole seconds: another time is refused if it was asked for.
func (c *comparison) chooseLoad(name string, timeGiven bool) (err error) {
	if name == "ours" {
		return nil
	}
	if name != "wrk" {
		return command.UsageError("-load %q: want ours or wrk", name)
	}
	for _, s := range c.scenarios {
		if !s.idle && (s.open > 0 || s.close || s.sends > 0 || s.tls) {
			return command.UsageError("-scenarios %s: wrk has no such load", s.name)
		}
	}
	if !timeGiven {
		c.duration = time.Second
	}
	if c.duration%time.Second != 0 {
		return command.UsageError("-d %v: wrk measures whole seconds", c.duration)
	}
	c.wrk, err = load.FindWrk()
	return err
}
