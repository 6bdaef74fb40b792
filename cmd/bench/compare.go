package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
)

const compareUsage = `Usage: bench [compare] [flags]

Serves one application by several servers, each in a process of its own, and loads them in turns, A B B A, so that
what the machine does meanwhile cancels. Every response is checked. Each figure is the median of the rounds;
each ratio is the median of the rounds' ratios to the first server, with half their spread behind it, and is left out
where the rounds differ by more than the servers. From 8 rounds on the spread is that of their middle half.

The servers run with GOMAXPROCS=1 on a CPU of their own and the load on another, where there are two and the system
can pin (Linux). Requests per second and latencies are those of a server kept busy by a closed loop. The CPU time is the
server process's, user and system, divided by the requests; it is the steadiest of the figures.

With -load wrk the load is wrk's, on the same CPU; ours warms up and checks every body, and then wrk's bytes are counted.

Memory is resident memory after a garbage collection, less that before the connections were opened.

Flags:
`

// comparison is one run of compare.
type comparison struct {
	servers   []string
	scenarios []scenario
	serve     serveOptions
	rounds    int
	duration  time.Duration
	warmup    time.Duration
	timeout   time.Duration
	conns     int
	idle      int
	procs     int

	wrk *wrk // nil: our own load

	serverCPUs, loaderCPUs []int
	line                   *progress
	step, steps            int

	rows      []row
	warnings  []string
	loads     int // measurements under load
	disturbed int // of these, the ones in which neither server nor load could use its CPU up
}

func compareCommand(ctx context.Context, e env, args []string) error {
	c := comparison{line: newProgress(e.stderr)}
	fs := newFlags("compare", compareUsage)
	names := fs.String("servers", "net/http,adapter", "`NAMES` of the servers, the base of the ratios first: "+strings.Join(serverNames(), ", "))
	wanted := fs.String("scenarios", "", "`NAMES` of the scenarios: "+strings.Join(scenarioNames(), ", ")+" (default all that the servers offer)")
	loader := fs.String("load", "ours", "`NAME` of what loads: ours, wrk (where installed; whole seconds only)")
	fs.IntVar(&c.rounds, "rounds", 4, "`ROUNDS` of each scenario")
	fs.DurationVar(&c.duration, "d", 450*time.Millisecond, "`TIME` to measure a server in a round")
	fs.DurationVar(&c.warmup, "warmup", 100*time.Millisecond, "`TIME` to load before measuring")
	fs.DurationVar(&c.timeout, "timeout", 10*time.Second, "`TIME` to wait for a connection or a response")
	fs.IntVar(&c.conns, "c", 64, "`CONNECTIONS` that load a server")
	fs.IntVar(&c.idle, "idle", 5000, "idle `CONNECTIONS` whose memory is measured")
	fs.IntVar(&c.procs, "procs", 1, "`CPUS` for a server (GOMAXPROCS)")
	c.serve.add(fs)
	if err := fs.parse(e, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usageError("compare takes no arguments: %q", fs.Args())
	}
	var err error
	if c.servers, err = pick("servers", *names, serverNames()); err != nil {
		return err
	}
	if c.scenarios, err = chosen(*wanted, c.servers); err != nil {
		return err
	}
	if err = c.serve.check(c.servers); err != nil {
		return err
	}
	for _, f := range []struct {
		name     string
		n        int
		min, max int
	}{
		{"rounds", c.rounds, 1, 1000}, {"c", c.conns, 4, 20_000}, {"idle", c.idle, 1, idleMax},
		{"procs", c.procs, 1, 1024},
	} {
		if f.n < f.min || f.n > f.max {
			return usageError("-%s %d: want %d to %d", f.name, f.n, f.min, f.max)
		}
	}
	if c.duration <= 0 || c.warmup < 0 || c.timeout <= 0 {
		return usageError("-d %v, -warmup %v, -timeout %v: want times to wait", c.duration, c.warmup, c.timeout)
	}
	if fds := filesMax() - filesOther; fds < max(c.idle, c.conns) {
		if fds < c.conns {
			return usageError("-c %d: this process may have %d connections (ulimit -n)", c.conns, fds)
		}
		c.warn("idle: %d connections instead of %d, as many as this process may have (ulimit -n)", fds, c.idle)
		c.idle = fds
	}
	if err := c.chooseLoad(*loader, given(fs, "d")); err != nil {
		return err
	}
	if err := c.place(); err != nil {
		return err
	}
	err = c.run(ctx)
	c.line.clear()
	c.print(e.stdout)
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
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
	cpus := allowedCPUs()
	if c.serverCPUs, c.loaderCPUs = splitCPUs(cpus, c.procs); c.loaderCPUs == nil {
		if len(cpus) <= c.procs {
			c.warn("servers and load share %d CPU: requests/s and latencies are about both, CPU time is the server's own", len(cpus))
		}
		return nil
	}
	if err := moveTo(c.loaderCPUs); err != nil {
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
		return usageError("-load %q: want ours or wrk", name)
	}
	if !timeGiven {
		c.duration = time.Second
	}
	if c.duration%time.Second != 0 {
		return usageError("-d %v: wrk measures whole seconds", c.duration)
	}
	c.wrk, err = findWrk()
	return err
}

// run measures everything. What it has measured when an error ends it stands in rows.
func (c *comparison) run(ctx context.Context) error {
	for _, s := range c.scenarios {
		c.steps += c.rounds * len(c.servers)
		if s.idle {
			c.steps -= (c.rounds - 1) * len(c.servers)
		}
	}
	c.line.note("%s; about %.0f s", c.setup(), c.seconds())
	var children []*child
	defer func() {
		for _, ch := range children {
			ch.stop()
		}
	}()
	for _, name := range c.servers {
		ch, err := startServer(ctx, name, c.serve, c.procs, c.serverCPUs)
		if err != nil {
			return err
		}
		children = append(children, ch)
	}
	for _, s := range c.scenarios {
		var err error
		if s.idle {
			err = c.idleRow(ctx)
		} else {
			err = c.loadRows(ctx, s, children)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// seconds estimates how long run takes.
func (c *comparison) seconds() float64 {
	var sum time.Duration
	for _, s := range c.scenarios {
		if s.idle {
			each := idleWarmup + 2*idleSettle + time.Duration(c.idle)*200*time.Microsecond
			sum += time.Duration(len(c.servers)) * each
		} else {
			sum += time.Duration(c.rounds*len(c.servers)) * (c.duration + c.warmup)
		}
	}
	return math.Ceil(sum.Seconds())
}

// loadRows runs the rounds of a scenario, forwards and backwards in turns.
func (c *comparison) loadRows(ctx context.Context, s scenario, children []*child) error {
	loads := make([][]*group, len(children))
	for i, ch := range children {
		var err error
		if loads[i], err = s.groups(ch.addr, c.conns); err != nil {
			return err
		}
		if err := c.probe(ctx, s, ch); err != nil {
			return err
		}
	}
	first := len(c.rows)
	for i, g := range loads[0] {
		kind := rowLoad
		if i > 0 {
			kind = rowFollows
		}
		c.rows = append(c.rows, row{g.name, kind, make([][]sample, len(children))})
	}
	rows := c.rows[first:]
	for round := range c.rounds {
		for k := range children {
			if round%2 == 1 {
				k = len(children) - 1 - k
			}
			samples, err := c.measure(ctx, children[k], loads[k])
			if err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, children[k].name, err)
			}
			for i := range rows {
				rows[i].rounds[k] = append(rows[i].rounds[k], samples[i])
			}
		}
	}
	return nil
}

// probe asks for each path of s once, so that a server which answers otherwise is told apart from one that fails
// under load.
func (c *comparison) probe(ctx context.Context, s scenario, ch *child) error {
	for _, p := range s.parts {
		r, err := newRequest("GET", "http://"+ch.addr+p.path, nil, nil)
		if err != nil {
			return err
		}
		status, body, err := r.probe(ctx, c.timeout)
		switch {
		case err != nil:
			return fmt.Errorf("%s: GET %s: %s", ch.name, p.path, ch.lastWords(err))
		case status != 200 || string(body) != p.body:
			return fmt.Errorf("%s: GET %s answers %d %q instead of 200 %q", ch.name, p.path, status, cut(body), p.body)
		}
	}
	return nil
}

// measure loads a server once and returns a sample for each group.
func (c *comparison) measure(ctx context.Context, ch *child, groups []*group) ([]sample, error) {
	c.step++
	c.loads++
	title := groups[0].name
	c.line.note("[%d/%d] %s: %s", c.step, c.steps, title, ch.name)
	var from, to usage
	var uerr error
	run := loadRun{
		addr: ch.addr, groups: groups, warmup: c.warmup, duration: c.duration, timeout: c.timeout, loops: 1,
		begin: func() { from, uerr = ch.usage() },
		end: func() {
			if uerr == nil {
				to, uerr = ch.usage()
			}
		},
		progress: func(_ time.Duration, requests, _ uint64) {
			c.line.show("[%d/%d] %s: %s: %s requests", c.step, c.steps, title, ch.name, thousands(requests))
		},
	}
	out, err := c.loadBy(ctx, &run)
	if err != nil {
		return nil, fmt.Errorf("%s", ch.lastWords(err))
	}
	if out.interrupted {
		return nil, errInterrupted
	}
	if err := out.problem(ch.addr); err != nil {
		if out.gone {
			return nil, fmt.Errorf("%w; %s", err, ch.lastWords(errors.New("it said nothing")))
		}
		return nil, err
	}
	total := out.total().requests
	used := to.minus(from)
	used.known = used.known && uerr == nil
	c.checkLimit(title, ch.name, out, used)

	var samples []sample
	for i, t := range out.groups {
		s := noSample()
		s[perSecond] = float64(t.requests) / out.elapsed.Seconds()
		if t.requests > 0 {
			s[p50] = float64(t.hist.ValueAtQuantile(50)) / 1e3
			s[p99] = float64(t.hist.ValueAtQuantile(99)) / 1e3
		}
		if i == 0 && used.known {
			s[cpu] = float64(used.sum) / 1e3 / float64(total)
		}
		samples = append(samples, s)
	}
	return samples, nil
}

func (c *comparison) loadBy(ctx context.Context, run *loadRun) (*outcome, error) {
	if c.wrk != nil {
		return c.wrk.do(ctx, run, c.loaderCPUs)
	}
	return run.do(ctx)
}

// checkLimit warns where requests per second are not about the server: a closed loop keeps it busy, unless the load or
// the machine cannot.
func (c *comparison) checkLimit(title, name string, out *outcome, server usage) {
	if c.loaderCPUs == nil || !out.ownCPU.known || !server.known {
		return
	}
	own := float64(out.ownCPU.sum) / float64(out.elapsed)
	if float64(server.sum)/float64(out.elapsed) >= serverBusy*float64(c.procs) {
		return
	}
	if own >= ownBusy*float64(len(c.loaderCPUs)) {
		c.warn("%s, %s: the load was at the limit of its CPU and the server was not: requests/s and latencies are about the load", title, name)
		return
	}
	c.disturbed++
}

// setup says on what and how it is measured.
func (c *comparison) setup() string {
	s := fmt.Sprintf("%s/%s, %s, %d CPUs, GOMAXPROCS=%d for the servers", runtime.GOOS, runtime.GOARCH, runtime.Version(),
		runtime.NumCPU(), c.procs)
	if c.loaderCPUs != nil {
		s += fmt.Sprintf(", servers on CPU %s, load on CPU %s", list(c.serverCPUs), list(c.loaderCPUs))
	}
	if c.wrk != nil {
		s += ", load by wrk"
	}
	return s
}

func list(cpus []int) string { return strings.Trim(fmt.Sprint(cpus), "[]") }

func (c *comparison) print(w io.Writer) {
	var rows []row
	for _, r := range c.rows {
		if slices.ContainsFunc(r.rounds, func(s []sample) bool { return len(s) > 0 }) {
			rows = append(rows, r)
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(w, "%s\n\n", c.setup())
		printTable(w, c.servers, rows)
	}
	if c.disturbed > 0 {
		c.warn("in %d of %d measurements other programs took CPU from the server: requests/s and latencies suffered, CPU time less so", c.disturbed, c.loads)
	}
	for _, s := range c.warnings {
		fmt.Fprintf(w, "\nwarning: %s\n", s)
	}
}
