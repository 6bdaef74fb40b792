package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// Wrk has the program of that name load instead of our loops, for those who trust it more or compare with figures made by
// it. It looks at status codes only, so it is held to more: the same load of ours goes before it, as warm-up, and checks
// every body; after it the number of bytes must be that of whole responses like the one that was checked.
type Wrk struct{ path string }

// FindWrk looks for wrk in the PATH; if it is not there that is a usage error.
func FindWrk() (*Wrk, error) {
	path, err := exec.LookPath("wrk")
	if err != nil {
		return nil, command.UsageError("-load wrk: %v", err)
	}
	return &Wrk{path}, nil
}

// Do is Run.Do by wrk, one process for each group, on the given CPUs if there are any.
func (w *Wrk) Do(ctx context.Context, r *Run, cpus []int) (*Outcome, error) {
	if r.Warmup > 0 {
		warm := Run{Addr: r.Addr, Groups: r.Groups, Duration: r.Warmup, Timeout: r.Timeout, Loops: 1}
		if out, err := warm.Do(ctx); err != nil || out.Interrupted || out.Gone || len(out.Total().failures) > 0 {
			return out, err
		}
	}
	sizes := make([]int, len(r.Groups))
	for i, g := range r.Groups {
		var err error
		if sizes[i], err = responseSize(r.Addr, g, r.Timeout); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "bench-wrk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)

	if r.Begin != nil {
		r.Begin()
	}
	results := make([]wrkResult, len(r.Groups))
	errs := make([]error, len(r.Groups))
	var wg sync.WaitGroup
	for i, g := range r.Groups {
		wg.Go(func() {
			results[i], errs[i] = w.run(ctx, r, g, filepath.Join(dir, strconv.Itoa(i)+".lua"), cpus)
		})
	}
	wg.Wait()
	if r.End != nil {
		r.End()
	}
	if ctx.Err() != nil {
		return &Outcome{Interrupted: true}, nil
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	out := &Outcome{OwnCPU: process.Usage{Known: true}}
	for i, res := range results {
		out.Elapsed = max(out.Elapsed, res.elapsed)
		out.OwnCPU.Sum += res.cpu
		out.Groups = append(out.Groups, res.tally(r.Groups[i], sizes[i]))
	}
	return out, nil
}

// run is one process of wrk. It fails if wrk could not connect at all; all else stands in the result.
func (w *Wrk) run(ctx context.Context, r *Run, g *Group, script string, cpus []int) (wrkResult, error) {
	if err := os.WriteFile(script, wrkScript(g.Batch), 0o600); err != nil {
		return wrkResult{}, err
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("%ds", max(1, int(d.Round(time.Second)/time.Second))) }
	cmd := exec.CommandContext(ctx, w.path, "-t", "1", "-c", strconv.Itoa(g.Conns), "-d", seconds(r.Duration),
		"--timeout", seconds(r.Timeout), "-s", script, "http://"+r.Addr+"/")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := process.StartOn(cmd, cpus); err != nil {
		return wrkResult{}, fmt.Errorf("start wrk: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return wrkResult{}, fmt.Errorf("wrk: %w: %s%s", err, said.Bytes(), Cut(out.Bytes()))
	}
	res, err := parseWrk(out.Bytes())
	res.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return res, err
}

// wrkScript has wrk send batch as it is. To redefine wrk.format costs nothing under load, as wrk calls it once and finds out
// how many requests it returned; a function "request" would be called for every batch. All that is said at the end is
// said in lines that begin with a word of ours.
func wrkScript(batch []byte) []byte {
	var b bytes.Buffer
	b.WriteString(`local batch = "`)
	for _, c := range batch {
		fmt.Fprintf(&b, `\%03d`, c)
	}
	b.WriteString(`"
wrk.format = function() return batch end
done = function(summary, latency)
	local e = summary.errors
	print(string.format("bench-sums %d %d %d", summary.requests, summary.duration, summary.bytes))
	print(string.format("bench-errors %d %d %d %d %d", e.connect, e.read, e.write, e.status, e.timeout))
	for i = 1, #latency do
		local value, count = latency(i)
		print(string.format("bench-latency %d %d", value, count))
	end
end
`)
	return b.Bytes()
}

// wrkResult is what a run said.
type wrkResult struct {
	requests, bytes uint64
	elapsed, cpu    time.Duration
	errors          [len(wrkErrors)]uint64
	latencies       [][2]int64 // microseconds, and how many
}

// wrkErrors are the errors that wrk counts, as it does.
var wrkErrors = [...]string{"could not connect", "read error", "write error", "status of 400 or more", "timeout"}

func parseWrk(out []byte) (res wrkResult, err error) {
	found := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "bench-sums "):
			var micros int64
			_, err = fmt.Sscanf(line, "bench-sums %d %d %d", &res.requests, &micros, &res.bytes)
			res.elapsed = time.Duration(micros) * time.Microsecond
			found++
		case strings.HasPrefix(line, "bench-errors "):
			e := &res.errors
			_, err = fmt.Sscanf(line, "bench-errors %d %d %d %d %d", &e[0], &e[1], &e[2], &e[3], &e[4])
			found++
		case strings.HasPrefix(line, "bench-latency "):
			var l [2]int64
			_, err = fmt.Sscanf(line, "bench-latency %d %d", &l[0], &l[1])
			res.latencies = append(res.latencies, l)
		}
		if err != nil {
			return res, fmt.Errorf("wrk said %q: %w", line, err)
		}
	}
	if found != 2 {
		return res, fmt.Errorf("wrk said no result: %s", Cut(out))
	}
	return res, nil
}

// tally counts the run as the load of a group. size is what every response has in bytes; beyond the whole ones there may
// be those that were under way when the time was over.
func (res wrkResult) tally(g *Group, size int) *Tally {
	t := NewTally()
	t.Requests, t.Bytes = res.requests, res.bytes
	for _, l := range res.latencies {
		t.latency(l[0]*1e3, l[1])
	}
	for i, n := range res.errors {
		if n > 0 {
			t.failures[wrkErrors[i]] = &Failure{wrkErrors[i], n, "wrk: " + wrkErrors[i]}
		}
	}
	least, most := res.requests*uint64(size), (res.requests+uint64(g.Conns*g.depth))*uint64(size)
	if res.bytes < least || res.bytes > most {
		t.fail("length", "wrk: %d bytes in %d responses, which have %d each: not all of them were alike", res.bytes, res.requests, size)
	}
	return t
}

// responseSize is the number of bytes that one request of g is answered with, checked.
func responseSize(addr string, g *Group, timeout time.Duration) (int, error) {
	conn, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	counted := &readCounter{Conn: conn}
	err = ask(counted, &Request{Addr: addr, wire: g.Batch[:len(g.Batch)/g.depth], Want: g.Requests[0].Want}, timeout)
	return counted.n, err
}

// readCounter counts the bytes that are read.
type readCounter struct {
	net.Conn
	n int
}

func (c *readCounter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n += n
	return n, err
}
