package compare

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// quick makes a whole comparison take a few seconds.
var quick = []string{"-rounds", "2", "-d", "300ms", "-warmup", "20ms", "-c", "8", "-idle", "200"}

// stayPut moves this process back to where it was when a comparison in it has ended.
func stayPut(t *testing.T) {
	cpus, procs := process.AllowedCPUs(), runtime.GOMAXPROCS(0)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(procs)
		if len(cpus) > 0 {
			require.NoError(t, process.MoveTo(cpus))
		}
	})
}

func TestCompare(t *testing.T) {
	t.Parallel() // in processes of its own
	cmd := benchtest.Process(t, append(quick[:len(quick):len(quick)], "-rounds", "1")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s%s", &stdout, &stderr)
	out := stdout.String()
	for _, title := range []string{"plaintext, 8 connections", "plaintext, pipelined by 16", "json, 8 connections",
		"blocking mix: 6 on plaintext", "blocking mix: 2 sleep 20 ms", "idle, 200 connections"} {
		lines := regexp.MustCompile(regexp.QuoteMeta(title) + ` +net/http +\S.*\n +adapter +\S.*\n +ratio`)
		require.Regexp(t, lines, out)
	}
	if runtime.GOOS == "linux" {
		// 200 connections of ours are lost in the noise of a process's memory. What all requests together have used can be measured,
		// however few they are; the second part of a mix has it in the row of the first.
		measured, _, _ := strings.Cut(out, "blocking mix: 2 sleep")
		require.NotRegexp(t, `n/a\n`, measured)
	}
	require.Contains(t, stderr.String(), "[10/10] idle memory: adapter") // progress, a line for each measurement
}

func TestCompareChosen(t *testing.T) {
	t.Parallel() // in processes of its own
	cmd := benchtest.Process(t, append([]string{"compare", "-servers", "adapter,net/http", "-scenarios", "json", "-transport", "portable", "-procs", "2"}, quick...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `json, 8 connections +adapter .*\n +net/http`, string(out))
	require.NotContains(t, string(out), "plaintext")
}

// A server that refuses its configuration is reported in its own words.
func TestCompareServerDoesNotStart(t *testing.T) {
	t.Parallel() // in processes of its own
	cmd := benchtest.Process(t, append([]string{"-scenarios", "plaintext", "-transport", "pigeon"}, quick...)...)
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 1, cmd.ProcessState.ExitCode(), "%s", out)
	require.Contains(t, string(out), "pigeon")
}

// A server that dies in mid-run ends the comparison, and says what it said.
func TestMeasureServerDies(t *testing.T) {
	benchtest.Children(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	c := comparison{conns: 4, duration: 30 * time.Second, timeout: 5 * time.Second, line: command.NewProgress(io.Discard)}
	ch, err := process.Start(t.Context(), "net/http", "http", servers.CommandLine("net/http", servers.Options{}), 1, nil)
	require.NoError(t, err)
	groups, err := scenarios[0].groups(ch.URL, c.conns)
	require.NoError(t, err)
	go func() {
		time.Sleep(500 * time.Millisecond) // more than a machine stands still
		ch.Kill()
	}()
	_, err = c.measure(t.Context(), scenarios[0], ch, groups)
	ch.Stop()
	require.ErrorContains(t, err, "the server at "+ch.Addr+" went away")
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left) // a killed server cannot remove its files
}

// Requests per second are the server's only if it was the server that could not do more.
func TestCheckLimit(t *testing.T) {
	busy := func(cores float64) process.Usage {
		return process.Usage{Sum: time.Duration(cores * float64(time.Second)), Known: true}
	}
	for _, c := range []struct {
		name        string
		own, server process.Usage
		says        string
		disturbed   int
	}{
		{"the server is at its limit", busy(0.5), busy(0.99), "", 0},
		{"both are", busy(0.99), busy(0.99), "", 0},
		{"the load is", busy(0.99), busy(0.6), "the load was at the limit", 0},
		{"neither is", busy(0.6), busy(0.6), "other programs took CPU", 1},
		{"nobody knows", process.Usage{}, busy(0.6), "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmp := comparison{procs: 1, loads: 1, serverCPUs: []int{0}, loaderCPUs: []int{1}}
			cmp.checkLimit("plaintext", "adapter", &load.Outcome{Elapsed: time.Second, OwnCPU: c.own}, c.server)
			require.Equal(t, c.disturbed, cmp.disturbed)
			var out bytes.Buffer
			cmp.print(&out)
			require.Contains(t, out.String(), c.says)
			require.Equal(t, c.says == "", out.Len() == 0)
		})
	}
}

func TestProbeFindsAnotherAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer s.Close()
	c := comparison{timeout: 5 * time.Second}
	err := c.probe(t.Context(), scenarios[0], process.Running("x", s.URL, s.Listener.Addr().String()))
	require.EqualError(t, err, `x: GET /plaintext answers 200 "hello" instead of 200 "Hello, World!"`)
}

// Connections that a server drops when they fall idle hold no memory, and do not count.
func TestIdleMemoryWantsThemOpen(t *testing.T) {
	benchtest.Children(t)
	ch, err := process.Start(t.Context(), "net/http", "http", servers.CommandLine("net/http", servers.Options{}), 1, nil)
	require.NoError(t, err)
	defer ch.Stop()
	_, err = idleMemory(t.Context(), ch, scenario{}, 10, 5*time.Second, func(format string, _ ...any) {
		if strings.HasSuffix(format, "asking each again") {
			ch.Kill()
		}
	})
	if runtime.GOOS == "linux" {
		require.ErrorContains(t, err, "did not stay open")
	} else {
		require.ErrorIs(t, err, process.ErrUnmeasured)
	}
}

func TestCompareInterrupted(t *testing.T) {
	stayPut(t)
	benchtest.Children(t)
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	w := benchtest.WriterFunc(func(p []byte) (int, error) {
		// The fifth measurement begins when the first scenario is complete.
		if seen += bytes.Count(p, []byte("\n")); seen == 6 {
			cancel()
		}
		return len(p), nil
	})
	var stdout bytes.Buffer
	code := bench.Run(ctx, command.Env{Stdout: &stdout, Stderr: w}, quick)
	require.Equal(t, 130, code)
	require.Contains(t, stdout.String(), "plaintext, 8 connections")
	require.NotContains(t, stdout.String(), "json")
}

// Interrupted before anything is measured it leaves nothing: neither files of the servers nor results, nor does it replace
// older ones.
func TestCompareInterruptedAtOnce(t *testing.T) {
	stayPut(t)
	benchtest.Children(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	fresh, old := filepath.Join(t.TempDir(), "fresh"), filepath.Join(t.TempDir(), "old")
	require.NoError(t, os.WriteFile(old, []byte("results"), 0o644))
	for _, file := range []string{fresh, old} {
		ctx, cancel := context.WithCancel(t.Context())
		w := benchtest.WriterFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }) // servers are started next
		code := bench.Run(ctx, command.Env{Stdout: io.Discard, Stderr: w}, append([]string{"-json", file}, quick...))
		require.Equal(t, 130, code)
	}
	require.NoFileExists(t, fresh)
	b, err := os.ReadFile(old)
	require.NoError(t, err)
	require.Equal(t, "results", string(b))
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

// A round in which nothing was answered is made once more, and then it is a failure.
func TestCompareTriesAgain(t *testing.T) {
	for name, slow := range map[string]int64{"one round": 1, "two rounds": 2} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n := r.Context().Value(connNumber{}).(int64); n > 1 && n <= 1+4*slow { // after the probe's, four a round
					<-r.Context().Done() // until the round is over
					return
				}
				io.WriteString(w, servers.Plaintext)
			}))
			s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, connNumber{}, conns.Add(1))
			}
			s.Start()
			defer s.Close()
			c := comparison{
				servers: []string{"x"}, rounds: 1, conns: 4, duration: 500 * time.Millisecond, timeout: 20 * time.Second,
				externals: map[externalKey]*external{{"x", false}: {}}, line: command.NewProgress(io.Discard),
			}
			ch := process.Running("x", s.URL, s.Listener.Addr().String())
			require.NoError(t, c.loadRows(t.Context(), scenarios[0], []*process.Child{ch}))
			require.Len(t, c.rows, 1)
			require.Len(t, c.rows[0].rounds[0], int(2-slow))
			require.Len(t, c.failures, int(slow-1))
			require.Equal(t, 1, c.step)
		})
	}
}

type connNumber struct{}
