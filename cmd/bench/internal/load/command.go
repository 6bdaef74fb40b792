package load

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

const usageText = `Usage: bench load [flags] URL
       bench load [flags] -url WEIGHT=URL -url WEIGHT=URL ...

Loads an HTTP server in a closed loop: every connection sends a request, or -pipeline of them, and the next when all
have been answered. So latencies are those of a server kept busy, and one that stalls is asked less often meanwhile.

With -rate it is an open loop: so many requests a second are due at even distances, whatever the server does, and each goes
to the next connection that is free. Latency counts from when a request was due. One that is late is sent late and not
left out, and one that is unanswered at the end counts with the time that it has waited; so a stall shows in full.

Every response is checked: its status, its length and its body, which must be the one that a first request got
unless a flag says what it must be. Any other is a failure, counted by kind.

A URL of the form ws://HOST/PATH is a WebSocket's: messages of -size bytes are sent and must come back, byte by byte.
With -subscribe N the connections subscribe instead, and a publisher posts numbered messages to the same path: the next when
all subscribers have had the last, or -publish of them a second. Each subscriber must get every one of them, once and in
order; latency counts from the publishing to each delivery, with -publish from when it was due.

An https:// or wss:// URL is asked over TLS; the server's certificate is not verified. With -close every request has a handshake of
its own, which costs this program more than the server: read the server's CPU time (-pid), not the requests a second.

Exit code 1: responses failed, or did not come in a second and four times the longest that any other took; the server went away; or
the rate could not be held: in the last quarter of the time requests were always late. A percentile is n/a where so few requests
were measured that none lies beyond it.

Flags:
`

// loadFlags are the flags of load as they were given.
type loadFlags struct {
	command.Flags
	run                  Run
	conns, depth, status int
	rate                 float64
	close, anyBody, json bool
	method, body         string
	bodyFile             string
	expect, expectFile   string
	pid                  int
	header, urls         command.List
	size, subscribe      int
	publish              float64
	text                 bool
	set                  map[string]bool // the ones that were given
}

func newLoadFlags() *loadFlags {
	f := &loadFlags{Flags: command.NewFlags("load", usageText), set: map[string]bool{}}
	fs := f.FlagSet
	fs.IntVar(&f.conns, "c", 64, "`CONNECTIONS` to keep open, or with -close to have at the same time")
	fs.IntVar(&f.depth, "pipeline", 1, "`REQUESTS` to send at once on a connection")
	fs.Float64Var(&f.rate, "rate", 0, "`REQUESTS` a second of an open loop (default a closed loop)")
	fs.BoolVar(&f.close, "close", false, "a connection for every request; connecting is part of the latency")
	fs.DurationVar(&f.run.Duration, "d", 5*time.Second, "`TIME` to measure")
	fs.DurationVar(&f.run.Warmup, "warmup", 500*time.Millisecond, "`TIME` to load before measuring")
	fs.DurationVar(&f.run.Timeout, "timeout", 10*time.Second, "`TIME` to wait for a connection or a response")
	fs.IntVar(&f.run.Loops, "threads", max(1, runtime.NumCPU()/2), "`CPUS` to use")
	fs.BoolVar(&f.run.portable, "portable", false, "a goroutine for each connection, as on systems without epoll")
	fs.Var(&f.urls, "url", "`WEIGHT=URL`: one URL of a mix, asked WEIGHT times as often as one of weight 1; all of one server")
	fs.StringVar(&f.method, "method", "", "`METHOD` of the request (default GET, with a body POST)")
	fs.Var(&f.header, "H", "`NAME: VALUE` of a header field; may be repeated")
	fs.StringVar(&f.body, "body", "", "`TEXT` to send as the body, or @FILE for what a file contains")
	fs.StringVar(&f.bodyFile, "body-file", "", "`FILE` to send as the body, like -body @FILE")
	fs.IntVar(&f.status, "expect-status", 200, "`STATUS` that every response must have")
	fs.StringVar(&f.expect, "expect-body", "", "`TEXT` that every response's body must be")
	fs.StringVar(&f.expectFile, "expect-body-file", "", "`FILE` that every response's body must equal")
	fs.BoolVar(&f.anyBody, "any-body", false, "bodies may differ: check only that they are framed and whole")
	fs.IntVar(&f.size, "size", 64, "`BYTES` of a message of a WebSocket")
	fs.BoolVar(&f.text, "text", false, "send text messages instead of binary ones")
	fs.IntVar(&f.subscribe, "subscribe", 0, "`SUBSCRIBERS` of a topic, instead of connections whose messages come back")
	fs.Float64Var(&f.publish, "publish", 0, "`MESSAGES` a second to publish (default the next when all have the last; -pipeline: so many on their way)")
	fs.IntVar(&f.pid, "pid", 0, "`PID` of the server, to report its CPU time with that of all that it has started (Linux)")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	return f
}

// rateMax is more than a machine can send: a larger one is a mistake.
const rateMax = 100e6

func (f *loadFlags) check() error {
	f.Visit(func(fl *flag.Flag) { f.set[fl.Name] = true })
	if want := map[bool]int{false: 1, true: 0}[len(f.urls) > 0]; f.NArg() != want {
		return command.UsageError("want one URL, or some by -url, got %q", append(f.Args(), f.urls...))
	}
	if err := f.checkSockets(); err != nil {
		return err
	}
	for name, n := range map[string]int{"c": f.conns, "pipeline": f.depth, "threads": f.run.Loops} {
		if n < 1 {
			return command.UsageError("-%s %d: want 1 or more", name, n)
		}
	}
	if f.run.Duration <= 0 || f.run.Warmup < 0 || f.run.Timeout <= 0 {
		return command.UsageError("-d %v, -warmup %v, -timeout %v: want times to wait", f.run.Duration, f.run.Warmup, f.run.Timeout)
	}
	if fds := process.ConnectionsMax(); f.conns > fds {
		return command.UsageError("-c %d: this process may have %d connections (ulimit -n)", f.conns, fds)
	}
	if f.set["rate"] && !(f.rate > 0 && f.rate <= rateMax) {
		return command.UsageError("-rate %v: want more than 0 and at most %.0f requests a second", f.rate, rateMax)
	}
	if f.depth > 1 && (f.close || f.rate > 0) {
		return command.UsageError("-pipeline %d goes with neither -close nor -rate", f.depth)
	}
	for _, two := range [][2]string{{"body", "body-file"}, {"expect-body", "expect-body-file"}, {"any-body", "expect-body"}, {"any-body", "expect-body-file"}} {
		if f.set[two[0]] && f.set[two[1]] {
			return command.UsageError("-%s and -%s: want one of them", two[0], two[1])
		}
	}
	if f.set["pid"] && f.pid < 1 {
		return command.UsageError("-pid %d: want the number of a process", f.pid)
	}
	return nil
}

// payload is the body to send, and whether there is one.
func (f *loadFlags) payload() (body []byte, given bool, err error) {
	file, fromFile := strings.CutPrefix(f.body, "@")
	if f.set["body-file"] {
		file, fromFile = f.bodyFile, true
	}
	if !fromFile {
		return []byte(f.body), f.set["body"], nil
	}
	body, err = os.ReadFile(file)
	return body, true, err
}

// requests makes what is to be sent, and what must come back as far as flags say it.
func (f *loadFlags) requests() (m mix, err error) {
	if f.socketURL() {
		return f.sockets()
	}
	body, hasBody, err := f.payload()
	if err != nil {
		return m, err
	}
	if f.method == "" {
		f.method = "GET"
		if hasBody {
			f.method = "POST"
		}
	}
	urls := f.urls
	if len(urls) == 0 {
		urls = command.List{"1=" + f.Arg(0)}
	}
	header := f.header
	if f.close {
		header = append(header[:len(header):len(header)], "Connection: close")
	}
	if m, err = newMix(urls, f.method, header, body); err != nil {
		return m, command.UsageError("%v", err)
	}
	var expect []byte
	if f.set["expect-body-file"] {
		if expect, err = os.ReadFile(f.expectFile); err != nil {
			return m, err
		}
	}
	if f.set["expect-body"] {
		expect = []byte(f.expect)
	}
	for _, r := range m.requests {
		r.Want.status, r.Want.anyBody, r.Want.Body = f.status, f.anyBody, expect
	}
	return m, nil
}

// probe asks for each URL once, and learns the bodies that no flag tells.
func (f *loadFlags) probe(ctx context.Context, m mix) error {
	for i, r := range m.requests {
		status, body, err := r.Probe(ctx, f.run.Timeout)
		switch {
		case ctx.Err() != nil:
			return command.ErrInterrupted
		case err != nil:
			return fmt.Errorf("cannot load %s: %w", m.urls[i], err)
		case status != f.status && r.socket != nil:
			return fmt.Errorf("cannot load %s: %w", m.urls[i], &RefusedError{status})
		case status != f.status:
			return fmt.Errorf("%s answers with status %d instead of %d", m.urls[i], status, f.status)
		}
		if !f.set["expect-body"] && !f.set["expect-body-file"] {
			r.Want.Body = body
		}
	}
	return nil
}

// Command is bench load.
func Command(ctx context.Context, e command.Env, args []string) error {
	f := newLoadFlags()
	if err := f.Parse(e, args); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	m, err := f.requests()
	if err != nil {
		return err
	}
	server := serverMeter{pid: f.pid}
	if server.begin(); server.err != nil {
		return fmt.Errorf("-pid: %w", server.err)
	}
	if err := f.probe(ctx, m); err != nil {
		return err
	}

	run := &f.run
	runtime.GOMAXPROCS(run.Loops)
	run.Addr = m.requests[0].Addr
	g := m.group("", f.conns, f.depth)
	g.Close, g.Rate = f.close, f.rate
	run.Groups = []*Group{g}
	run.Begin, run.End = server.begin, server.end
	line := command.NewProgress(e.Stderr)
	run.Progress = func(measured time.Duration, requests, failed uint64) {
		line.Show("%s of %s: %s answered, %s failed", figures.Seconds(measured), figures.Seconds(run.Duration), figures.Thousands(requests), figures.Thousands(failed))
	}
	out, err := run.Do(ctx)
	line.Clear()
	if err != nil && ctx.Err() != nil {
		return command.ErrInterrupted
	}
	if err != nil {
		return fmt.Errorf("cannot load %s: %w", m.title(), err)
	}
	rep := newReport(m, run, out, server.used)
	if f.json {
		enc := json.NewEncoder(e.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(rep); err != nil {
			return err
		}
	} else {
		rep.print(e.Stdout)
	}
	if server.err != nil {
		fmt.Fprintf(e.Stderr, "bench load: -pid: %v\n", server.err)
	}
	if rep.OwnLimit {
		fmt.Fprintln(e.Stderr, "bench load: warning: this program was at the limit of its CPU: its answer is about itself, not about the server (try -threads)")
	}
	if err := out.Problem(run.Addr); err != nil {
		if out.Interrupted && rep.Failed == 0 {
			return command.ErrInterrupted
		}
		return err
	}
	if out.Interrupted {
		return command.ErrInterrupted
	}
	return nil
}

// serverMeter reads what a process, with all that it has started, has used around the measured part.
type serverMeter struct {
	pid  int // 0: none
	from process.State
	used process.Usage
	err  error
}

func (m *serverMeter) begin() {
	if m.pid > 0 {
		m.from, m.err = process.StateOf(m.pid)
	}
}

func (m *serverMeter) end() {
	if m.pid > 0 && m.err == nil {
		var now process.State
		now, m.err = process.StateOf(m.pid)
		m.used = now.Minus(m.from).CPU
	}
}
