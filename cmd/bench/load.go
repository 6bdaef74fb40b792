package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

const loadUsage = `Usage: bench load [flags] URL

Loads an HTTP server in a closed loop: every connection sends a request, or -pipeline of them, and the next when all
have been answered. So latencies are those of a server kept busy, and one that stalls is asked less often meanwhile.

Every response is checked: its status, its length and its body, which must be the one that a first request got
unless a flag says what it must be. Any other is a failure, counted by kind.

Flags:
`

func loadCommand(ctx context.Context, e env, args []string) error {
	fs := newFlags("load", loadUsage)
	conns := fs.Int("c", 64, "`CONNECTIONS` to keep open")
	depth := fs.Int("pipeline", 1, "`REQUESTS` to send at once on a connection")
	run := loadRun{}
	fs.DurationVar(&run.duration, "d", 5*time.Second, "`TIME` to measure")
	fs.DurationVar(&run.warmup, "warmup", 500*time.Millisecond, "`TIME` to load before measuring")
	fs.DurationVar(&run.timeout, "timeout", 10*time.Second, "`TIME` to wait for a connection or a response")
	fs.IntVar(&run.loops, "threads", max(1, runtime.NumCPU()/2), "`CPUS` to use")
	fs.BoolVar(&run.portable, "portable", false, "a goroutine for each connection, as on systems without epoll")
	method := fs.String("method", "", "`METHOD` of the request (default GET, with a body POST)")
	var header headerFlag
	fs.Var(&header, "H", "`NAME: VALUE` of a header field; may be repeated")
	bodyFile := fs.String("body-file", "", "`FILE` to send as the body")
	status := fs.Int("expect-status", 200, "`STATUS` that every response must have")
	body := fs.String("expect-body", "", "`TEXT` that every response's body must be")
	expectFile := fs.String("expect-body-file", "", "`FILE` that every response's body must equal")
	anyBody := fs.Bool("any-body", false, "bodies may differ: check only that they are framed and whole")
	pid := fs.Int("pid", 0, "`PID` of the server, to report its CPU time (Linux)")
	asJSON := fs.Bool("json", false, "print JSON")
	if err := fs.parse(e, args); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return usageError("want one URL, got %q", fs.Args())
	}
	for name, n := range map[string]int{"c": *conns, "pipeline": *depth, "threads": run.loops} {
		if n < 1 {
			return usageError("-%s %d: want 1 or more", name, n)
		}
	}
	if run.duration <= 0 || run.warmup < 0 || run.timeout <= 0 {
		return usageError("-d %v, -warmup %v, -timeout %v: want times to wait", run.duration, run.warmup, run.timeout)
	}
	if fds := filesMax() - filesOther; *conns > fds {
		return usageError("-c %d: this process may have %d connections (ulimit -n)", *conns, fds)
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })

	var sent []byte
	if *bodyFile != "" {
		b, err := os.ReadFile(*bodyFile)
		if err != nil {
			return err
		}
		sent = b
	}
	if *method == "" {
		*method = "GET"
		if *bodyFile != "" {
			*method = "POST"
		}
	}
	req, err := newRequest(*method, fs.Arg(0), header, sent)
	if err != nil {
		return usageError("%v", err)
	}
	req.want.status, req.want.anyBody = *status, *anyBody
	switch {
	case set["expect-body"]:
		req.want.body = []byte(*body)
	case *expectFile != "":
		if req.want.body, err = os.ReadFile(*expectFile); err != nil {
			return err
		}
	}
	gotStatus, gotBody, err := req.probe(ctx, run.timeout)
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return fmt.Errorf("cannot load %s: %w", fs.Arg(0), err)
	case gotStatus != *status:
		return fmt.Errorf("%s answers with status %d instead of %d", fs.Arg(0), gotStatus, *status)
	}
	if !set["expect-body"] && *expectFile == "" {
		req.want.body = gotBody
	}

	runtime.GOMAXPROCS(run.loops)
	run.addr = req.addr
	run.groups = []*group{newGroup("", *conns, *depth, req)}
	server := serverMeter{pid: *pid}
	run.begin, run.end = server.begin, server.end
	line := newProgress(e.stderr)
	run.progress = func(measured time.Duration, requests, failed uint64) {
		line.show("%s of %s: %s requests, %s failed", tenths(measured), tenths(run.duration), thousands(requests), thousands(failed))
	}
	out, err := run.do(ctx)
	line.clear()
	if err != nil {
		return fmt.Errorf("cannot load %s: %w", fs.Arg(0), err)
	}
	rep := newLoadReport(fs.Arg(0), &run, out, server.used)
	if *asJSON {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(rep); err != nil {
			return err
		}
	} else {
		rep.print(e.stdout)
	}
	if server.err != nil {
		fmt.Fprintf(e.stderr, "bench load: -pid: %v\n", server.err)
	}
	if rep.ownLimit() {
		fmt.Fprintln(e.stderr, "bench load: warning: this program was at the limit of its CPU; the figures may be its own, not the server's (try -threads)")
	}
	if err := out.problem(req.addr); err != nil {
		if out.interrupted && rep.Failed == 0 {
			return errInterrupted
		}
		return err
	}
	if out.interrupted {
		return errInterrupted
	}
	return nil
}

// filesOther is the number of descriptors that are set aside for all but connections.
const filesOther = 32

// headerFlag collects the values of a flag that may be repeated.
type headerFlag []string

func (h *headerFlag) String() string     { return strings.Join(*h, ", ") }
func (h *headerFlag) Set(v string) error { *h = append(*h, v); return nil }

// serverMeter reads a process's CPU time around the measured part.
type serverMeter struct {
	pid  int
	from usage
	used usage
	err  error
}

func (m *serverMeter) begin() {
	if m.pid > 0 {
		m.from, m.err = processUsage(m.pid)
	}
}

func (m *serverMeter) end() {
	if m.pid > 0 && m.err == nil {
		var now usage
		now, m.err = processUsage(m.pid)
		m.used = now.minus(m.from)
	}
}

// loadReport is what load prints. Latencies are in microseconds, CPU times in microseconds per request.
type loadReport struct {
	URL         string     `json:"url"`
	Connections int        `json:"connections"`
	Pipeline    int        `json:"pipeline"`
	Seconds     float64    `json:"seconds"`
	Requests    uint64     `json:"requests"`
	PerSecond   float64    `json:"requests_per_second"`
	Bytes       uint64     `json:"bytes_received"`
	Latency     latencies  `json:"latency_us"`
	OwnCPU      *cpuReport `json:"own_cpu,omitempty"`
	ServerCPU   *cpuReport `json:"server_cpu,omitempty"`
	Failed      uint64     `json:"failed"`
	Failures    []failure  `json:"failures,omitempty"`
	Interrupted bool       `json:"interrupted,omitempty"`

	threads int
}

type latencies struct {
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	P9999 float64 `json:"p99.99"`
	Max   float64 `json:"max"`
}

type cpuReport struct {
	Sum    float64  `json:"us_per_request"`
	User   *float64 `json:"user_us_per_request,omitempty"` // absent if too little was used to tell them apart
	System *float64 `json:"system_us_per_request,omitempty"`
	Cores  float64  `json:"cores_busy"`
}

func newLatencies(t *tally) latencies {
	at := func(q float64) float64 { return float64(t.hist.ValueAtQuantile(q)) / 1e3 }
	return latencies{at(50), at(90), at(99), at(99.9), at(99.99), float64(t.hist.Max()) / 1e3}
}

func newCPUReport(u usage, requests uint64, elapsed time.Duration) *cpuReport {
	if !u.known || requests == 0 || elapsed <= 0 {
		return nil
	}
	per := func(d time.Duration) float64 { return float64(d) / 1e3 / float64(requests) }
	c := &cpuReport{Sum: per(u.sum), Cores: float64(u.sum) / float64(elapsed)}
	if user, system, ok := u.split(); ok {
		us, sy := per(user), per(system)
		c.User, c.System = &us, &sy
	}
	return c
}

func newLoadReport(url string, r *loadRun, o *outcome, server usage) *loadReport {
	t := o.total()
	rep := &loadReport{
		URL: url, Connections: r.groups[0].conns, Pipeline: r.groups[0].depth,
		Seconds: o.elapsed.Seconds(), Requests: t.requests, Bytes: t.bytes, Latency: newLatencies(t),
		OwnCPU:    newCPUReport(o.ownCPU, t.requests, o.elapsed),
		ServerCPU: newCPUReport(server, t.requests, o.elapsed),
		Failures:  t.failed(), Interrupted: o.interrupted, threads: r.loops,
	}
	if o.elapsed > 0 {
		rep.PerSecond = float64(t.requests) / o.elapsed.Seconds()
	}
	for _, f := range rep.Failures {
		rep.Failed += f.Count
	}
	return rep
}

// A loader is at its limit when it has used nearly all the CPU time it may; a server is not when it has some left.
const (
	ownBusy    = 0.95
	serverBusy = 0.90
)

// ownLimit reports whether the figures may be about the loader: it was at its limit, and the server, as far as is known,
// was not.
func (r *loadReport) ownLimit() bool {
	return r.OwnCPU != nil && r.OwnCPU.Cores >= ownBusy*float64(r.threads) &&
		(r.ServerCPU == nil || r.ServerCPU.Cores < serverBusy)
}

func (r *loadReport) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %d connections", r.URL, r.Connections)
	if r.Pipeline > 1 {
		fmt.Fprintf(w, ", pipelined by %d", r.Pipeline)
	}
	fmt.Fprintf(w, ", measured for %.2f s\n", r.Seconds)
	fmt.Fprintf(w, "  requests    %s, %s a second, all checked\n", thousands(r.Requests), thousands(uint64(r.PerSecond+0.5)))
	fmt.Fprintf(w, "  received    %s bytes\n", thousands(r.Bytes))
	if r.Requests > 0 {
		l := r.Latency
		fmt.Fprintf(w, "  latency     p50 %s, p90 %s, p99 %s, p99.9 %s, p99.99 %s, max %s\n",
			micros(l.P50), micros(l.P90), micros(l.P99), micros(l.P999), micros(l.P9999), micros(l.Max))
	}
	for _, c := range []struct {
		who string
		cpu *cpuReport
	}{{"server CPU", r.ServerCPU}, {"own CPU", r.OwnCPU}} {
		if c.cpu != nil {
			fmt.Fprintf(w, "  %-11s %.2f µs per request, %.2f cores busy", c.who, c.cpu.Sum, c.cpu.Cores)
			if c.cpu.User != nil {
				fmt.Fprintf(w, " (user %.2f µs, system %.2f µs)", *c.cpu.User, *c.cpu.System)
			}
			fmt.Fprintln(w)
		}
	}
	if r.Failed == 0 {
		fmt.Fprintf(w, "  failed      none\n")
		return
	}
	fmt.Fprintf(w, "  failed      %s\n", thousands(r.Failed))
	for _, f := range r.Failures {
		fmt.Fprintf(w, "    %s %s, the first: %s\n", thousands(f.Count), f.Kind, f.First)
	}
}
