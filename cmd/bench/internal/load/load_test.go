package load

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// scripted answers the first request, which is the probe's, with hello, and leaves each later connection to serve. It returns the
// server's URL.
func scripted(t *testing.T, serve func(net.Conn, *bufio.Reader)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for i := 0; ; i++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				if i == 0 {
					if skipRequest(r) {
						io.WriteString(conn, hello)
					}
					return
				}
				serve(conn, r)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String() + "/"
}

// skipRequest reads a request without a body.
func skipRequest(r *bufio.Reader) bool {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == "\r\n" {
			return true
		}
	}
}

// answering answers every request of a connection with text.
func answering(text string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, r *bufio.Reader) {
		for skipRequest(r) {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

// bothDrivers runs a test on loops and on goroutines.
func bothDrivers(t *testing.T, test func(t *testing.T, load func(ctx context.Context, args ...string) (int, string, string))) {
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprintf("portable=%t", portable), func(t *testing.T) {
			test(t, func(ctx context.Context, args ...string) (int, string, string) {
				return runBench(ctx, append([]string{"load", fmt.Sprintf("-portable=%t", portable),
					"-c", "3", "-d", "60ms", "-warmup", "20ms"}, args...)...)
			})
		})
	}
}

// until is a context that ends with an event, as the time of a load may not be enough for it.
func until(t *testing.T, event <-chan bool) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		select {
		case <-event:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx
}

func TestLoadReportsWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve func(net.Conn, *bufio.Reader)
		says  string
	}{
		{"status", answering(strings.Replace(hello, "200 OK", "503 Busy", 1)), "status 503 instead of 200"},
		{"short body", answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhe"), "body of 2 bytes instead of 5"},
		{"long body", answering("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!"), "body of 6 bytes instead of 5"},
		{"body", answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellO"), "body differs at byte 4"},
		{"more than asked for", answering(hello + hello), "bytes that answer no request"},
		{"no HTTP", answering("+OK\r\n\r\n"), `status line "+OK"`},
		{"closed without an answer", func(_ net.Conn, r *bufio.Reader) { skipRequest(r) }, "closed with 1 requests unanswered"},
		{"closed in the answer", func(c net.Conn, r *bufio.Reader) {
			skipRequest(r)
			io.WriteString(c, hello[:len(hello)-1])
		}, "closed in the middle of a response"},
		{"closed though it had more to say", func(c net.Conn, r *bufio.Reader) {
			skipRequest(r)
			c.(*net.TCPConn).SetLinger(0)
		}, "reset"},
		{"one bad in a thousand", func(c net.Conn, r *bufio.Reader) {
			for i := 0; skipRequest(r); i++ {
				text := hello
				if i == 17 {
					text = strings.Replace(hello, "hello", "jello", 1)
				}
				io.WriteString(c, text)
			}
		}, "body differs at byte 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
				code, stdout, stderr := load(t.Context(), scripted(t, c.serve))
				require.Equal(t, 1, code, "%s%s", stdout, stderr)
				require.Contains(t, stdout, c.says)
				require.Contains(t, stderr, c.says)
			})
		})
	}
}

func TestLoadTimeout(t *testing.T) {
	bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
		t.Parallel()
		url := scripted(t, func(c net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) })
		code, stdout, _ := load(t.Context(), "-d", "1s", "-timeout", "150ms", url)
		require.Equal(t, 1, code, stdout)
		require.Contains(t, stdout, "timeout")
	})
}

func TestLoadNothingMeasured(t *testing.T) {
	for _, portable := range []string{"-portable=false", "-portable"} {
		url := scripted(t, func(c net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) })
		code, stdout, stderr := benchtest.Run(t.Context(), bench, "load", portable, "-c", "3", "-d", "60ms", url) // and not again
		require.Equal(t, 1, code, stdout)
		require.Contains(t, stderr, "nothing was measured")
	}
}

// A closed loop sends nothing more to a connection that gets no answer. That it goes on with the others must not hide it.
func TestLoadFindsWhoGetsNoAnswer(t *testing.T) {
	// By the time and not by a number of requests, which a busy machine could see answered before the measuring begins.
	for name, serve := range map[string]func(i int64, since time.Duration) bool{
		"one connection of three": func(i int64, _ time.Duration) bool { return i != 1 },
		"all, from some time on":  func(_ int64, since time.Duration) bool { return since < 700*time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits
			bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
				t.Parallel()
				var conns atomic.Int64
				var began atomic.Pointer[time.Time]
				url := scripted(t, func(c net.Conn, r *bufio.Reader) {
					for i := conns.Add(1) - 1; skipRequest(r); {
						if serve(i, time.Since(*began.Load())) {
							io.WriteString(c, hello)
						}
					}
				})
				for _, args := range [][]string{{"-warmup", "0s", "-d", "2500ms", url}, {"-warmup", "0s", "-rate", "600", "-d", "2500ms", url}} {
					conns.Store(0)
					began.Store(new(time.Now()))
					code, stdout, _ := load(t.Context(), args...)
					require.Equal(t, 1, code, stdout)
					require.Contains(t, stdout, "no answer")
				}
			})
		})
	}
}

func TestLoadServerGoesAway(t *testing.T) {
	bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var served atomic.Int32
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if served.Add(1) == 100 {
				l.Close()
			}
			if served.Load() >= 100 {
				panic(http.ErrAbortHandler)
			}
			io.WriteString(w, "hello")
		})}
		done := make(chan struct{})
		go func() { defer close(done); s.Serve(l) }()
		code, stdout, stderr := load(t.Context(), "-d", "30s", "http://"+l.Addr().String())
		require.Equal(t, 1, code, stdout)
		require.Contains(t, stderr, "the server at "+l.Addr().String()+" went away")
		require.Contains(t, stdout, "requests")
		<-done
	})
}

func TestLoadUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	l.Close()
	code, _, stderr := runBench(t.Context(), "load", "http://"+addr+"/x")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "http://"+addr+"/x")
	require.Contains(t, stderr, "refused")

	code, _, stderr = runBench(t.Context(), "load", "-timeout", "2s", "http://no-such-host.invalid/")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "no-such-host.invalid")
}

func TestLoadProbe(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	code, _, stderr := runBench(t.Context(), "load", s.URL)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "status 404 instead of 200")

	code, _, stderr = runBench(t.Context(), "load", scriptedFirst(t, ""))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "closed the connection without a whole response")
}

// scriptedFirst answers the first request with text, then closes.
func scriptedFirst(t *testing.T, text string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		skipRequest(bufio.NewReader(conn))
		io.WriteString(conn, text)
	}()
	return "http://" + l.Addr().String() + "/"
}

func TestLoadGoodServers(t *testing.T) {
	url := benchtest.Serving(t, "net/http")
	large := filepath.Join(t.TempDir(), "large.txt")
	require.NoError(t, os.WriteFile(large, []byte(pattern.Of(1<<20)), 0o644))
	closing := http.NewServeMux()
	closing.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "bye")
	})
	closer := httptest.NewServer(closing)
	defer closer.Close()
	body := filepath.Join(t.TempDir(), "body")
	require.NoError(t, os.WriteFile(body, []byte(strings.Repeat("0123456789", 100_000)), 0o644))

	for _, c := range []struct {
		name string
		args []string
	}{
		{"plaintext", []string{"-expect-body", servers.Plaintext, url + "/plaintext"}},
		{"learnt body", []string{url + "/json"}},
		{"pipelined", []string{"-pipeline", "16", url + "/plaintext"}},
		{"two threads", []string{"-threads", "2", url + "/plaintext"}},
		{"more threads than connections", []string{"-threads", "4", "-c", "2", url + "/plaintext"}},
		{"large body", []string{"-d", "500ms", url + "/bytes/3000000"}},
		{"file", []string{"-d", "500ms", "-expect-body-file", large, url + "/static/large.txt"}},
		{"echo", []string{"-d", "500ms", "-body-file", body, "-expect-body-file", body, url + "/echo"}},
		{"HEAD", []string{"-method", "HEAD", url + "/plaintext"}},
		{"another status", []string{"-expect-status", "405", "-method", "DELETE", url + "/plaintext"}},
		{"header fields", []string{"-H", "Host: example.com", "-H", "X-A: b", url + "/users/7"}},
		{"a connection per request", []string{closer.URL}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
				code, stdout, stderr := load(t.Context(), append([]string{"-json"}, c.args...)...)
				require.Equal(t, 0, code, "%s%s", stdout, stderr)
				var rep report
				require.NoError(t, json.Unmarshal([]byte(stdout), &rep))
				require.Positive(t, rep.Requests)
				require.Zero(t, rep.Failed)
				require.Positive(t, rep.Latency.P50)
				require.GreaterOrEqual(t, rep.Latency.Max, rep.Latency.P50)
				require.Equal(t, c.args[0] == closer.URL, rep.Reopened > 0)
			})
		})
	}
}

// What the loader counts is what the server has answered, but for what was under way at the edges.
func TestLoadCountsWhatTheServerCounts(t *testing.T) {
	bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
		var served atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served.Add(1)
			io.WriteString(w, "hello")
		}))
		defer s.Close()
		code, stdout, stderr := load(t.Context(), "-json", "-warmup", "0s", s.URL)
		require.Equal(t, 0, code, stderr)
		var rep report
		require.NoError(t, json.Unmarshal([]byte(stdout), &rep))
		// The probe, three at each edge, and those between the first connect and the start of the count.
		require.LessOrEqual(t, rep.Requests, uint64(served.Load()))
		require.Greater(t, rep.Requests, uint64(served.Load())/2)
	})
}

func TestLoadInterruptedPrintsWhatItHas(t *testing.T) {
	bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
		ctx, cancel := context.WithCancel(t.Context())
		var served atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if served.Add(1) == 2000 {
				cancel()
			}
			io.WriteString(w, "hello")
		}))
		defer s.Close()
		code, stdout, stderr := load(ctx, "-d", "1h", "-warmup", "0s", s.URL)
		require.Equal(t, 130, code, stderr)
		require.Contains(t, stdout, "a second, all checked")
		require.Contains(t, stderr, "interrupted")
	})
}

// Opening the connections may take as long as the timeout each, and nothing is measured meanwhile.
func TestLoadInterruptedWhileConnecting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := scripted(t, func(_ net.Conn, r *bufio.Reader) {
		skipRequest(r)
		cancel()
		io.Copy(io.Discard, r)
	})
	r, err := NewSocketRequest("ws"+strings.TrimPrefix(url, "http"), 64, false)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", r.Addr) // the first one is for the probe
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.NoError(t, err)
	run := Run{Addr: r.Addr, Groups: []*Group{NewGroup("", 3, 1, r)}, Duration: time.Hour, Timeout: time.Hour, Loops: 1}
	_, err = run.Do(ctx) // which would take an hour
	require.Error(t, err)
}

func TestLoadReportText(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	defer s.Close()
	code, stdout, stderr := runBench(t.Context(), "load", "-d", "100ms", "-warmup", "0s", "-c", "2", "-pid", fmt.Sprint(os.Getpid()), s.URL)
	require.Equal(t, 0, code, stderr)
	for _, s := range []string{"2 connections", "p99.99", "failed      none"} {
		require.Contains(t, stdout, s)
	}
}

func TestLoadSaysWhenItIsItsOwnLimit(t *testing.T) {
	busy, idle := &cpuReport{Cores: 0.99}, &cpuReport{Cores: 0.5}
	require.True(t, (&report{OwnCPU: busy, ServerCPU: idle}).ownLimit(1))
	require.True(t, (&report{OwnCPU: busy}).ownLimit(1))
	require.False(t, (&report{OwnCPU: busy, ServerCPU: busy}).ownLimit(1))
	require.False(t, (&report{OwnCPU: busy}).ownLimit(2))
	require.False(t, (&report{OwnCPU: idle}).ownLimit(1))
	require.False(t, (&report{}).ownLimit(1))
}

// A percentile is told by what lies beyond it.
func TestQuantileOfFew(t *testing.T) {
	for _, c := range []struct {
		q     float64
		least int64
	}{{50, 1}, {90, 10}, {99, 100}, {99.9, 1000}, {99.99, 10_000}} {
		tl := NewTally()
		require.True(t, math.IsNaN(tl.Quantile(c.q)))
		tl.latency(1000, c.least-1)
		require.True(t, math.IsNaN(tl.Quantile(c.q)), c.q)
		tl.latency(1000, 1)
		require.InEpsilon(t, 1, tl.Quantile(c.q), 0.05, c.q)
	}
	tl := NewTally()
	require.Nil(t, NewCurve(tl))
	tl.latency(1000, 20)
	curve := NewCurve(tl)
	require.Equal(t, []float64{95, 100}, []float64{curve[len(curve)-2].Percent, curve[len(curve)-1].Percent})
}

func TestLatencyOutOfRangeIsKept(t *testing.T) {
	tl := NewTally()
	tl.latency(int64(time.Hour), 1)
	tl.latency(-5, 1)
	require.EqualValues(t, 2, tl.hist.TotalCount())
}
