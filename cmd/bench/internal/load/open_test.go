package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wentWell wants a good run. Other work on the machine may hold an open loop up, which it says; that is nothing bad about the
// server.
func wentWell(t *testing.T, code int, stderr string) {
	if !strings.Contains(stderr, "the rate could not be held") {
		require.Equal(t, 0, code, stderr)
	}
}

type loadFunc = func(ctx context.Context, args ...string) (int, string, string)

// loadJSON runs load and reads its report.
func loadJSON(t *testing.T, load loadFunc, args ...string) (code int, rep report, stderr string) {
	code, stdout, stderr := load(t.Context(), append([]string{"-json"}, args...)...)
	require.NoError(t, json.Unmarshal([]byte(stdout), &rep), "%s%s", stdout, stderr)
	return code, rep, stderr
}

func TestSchedule(t *testing.T) {
	var from atomic.Int64
	s := newSchedule(1000, 5_000_000, &from)
	require.Equal(t, []int64{5_000_000, 6_000_000, 7_000_000}, []int64{s.take(), s.take(), s.take()})
	require.EqualValues(t, 10, s.between(5_000_000, 15_000_000)) // 5 ms to 14 ms
	require.EqualValues(t, 0, s.between(5_000_001, 6_000_000))
	require.EqualValues(t, 1, s.between(5_000_001, 6_000_001))
	require.EqualValues(t, 2, s.between(0, 6_000_001))

	tl := NewTally()
	s.left(tl, 6_500_000, 15_000_000) // those due at 8 ms to 14 ms have not been taken
	require.EqualValues(t, 7, tl.unanswered)
	require.EqualValues(t, 7, tl.hist.TotalCount())

	// Any number is noted in a bounded number of steps, and none is lost.
	fast := newSchedule(10e6, 0, &from)
	tl = NewTally()
	fast.left(tl, 0, int64(3*time.Second)+50)
	require.EqualValues(t, 30_000_001, tl.unanswered)
	require.InEpsilon(t, 1.5e9, tl.hist.ValueAtQuantile(50), 0.01)
}

// stalling answers at once, but in the first 100 ms of every second only when they are over.
func stalling(t *testing.T) string {
	start := time.Now()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if left := 100*time.Millisecond - time.Since(start)%time.Second; left > 0 {
			time.Sleep(left)
		}
		io.WriteString(w, "hello")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Of a server that stalls for a tenth of the time, one request in ten waits, for anything up to 100 ms: so the 95th percentile is
// 50 ms and the 99th 90 ms. In two seconds there are two stalls, wherever they begin; what else the machine does can only add
// to them. A closed loop sends three requests into each, whatever the server can do in the rest of the time.
func TestOpenLoopShowsStalls(t *testing.T) {
	bothDrivers(t, func(t *testing.T, load loadFunc) {
		t.Parallel() // it waits
		url := stalling(t)
		code, rep, stderr := loadJSON(t, load, "-c", "100", "-rate", "400", "-d", "2s", url)
		wentWell(t, code, stderr)
		require.InDelta(t, 400*rep.Seconds, float64(rep.Requests+rep.Unanswered), 100)
		require.Greater(t, rep.Latency.P95, 45e3)
		require.Greater(t, rep.Latency.P99, 85e3)

		code, rep, stderr = loadJSON(t, load, "-c", "3", "-d", "1s", url)
		require.Equal(t, 0, code, stderr)
		require.Less(t, rep.Latency.P95, 45e3)
	})
}

// A connection that waits for its answer holds nothing up but itself, and what waits for a connection is not left out.
func TestOpenLoopLeavesNothingOut(t *testing.T) {
	bothDrivers(t, func(t *testing.T, load loadFunc) {
		t.Parallel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(10 * time.Millisecond)
			io.WriteString(w, "hello")
		}))
		defer s.Close()
		// One connection can do 100 a second; at 400 the last one waits for three quarters of the time.
		code, rep, stderr := loadJSON(t, load, "-c", "1", "-warmup", "0s", "-rate", "400", "-d", "1s", s.URL)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "the rate could not be held: ")
		require.InDelta(t, 400*rep.Seconds, float64(rep.Requests+rep.Unanswered), 60)
		require.LessOrEqual(t, float64(rep.Requests), 100*rep.Seconds+10)
		require.Greater(t, rep.Latency.P90, 400e3)
		require.False(t, rep.OwnLimit)
	})
}

// Whoever lacks a little is later and later, if only by a fifth of a second in the end.
func TestOpenLoopLacksALittle(t *testing.T) {
	o := Outcome{Elapsed: 5 * time.Second, behind: []time.Duration{1200 * time.Millisecond}}
	require.True(t, o.held(0)) // it has caught up meanwhile
	o.behind[0] = 1300 * time.Millisecond
	require.False(t, o.held(0))
	o.Elapsed = time.Second
	o.behind[0] = 450 * time.Millisecond
	require.True(t, o.held(0))
	o.behind[0] = 550 * time.Millisecond
	require.False(t, o.held(0))
	require.True(t, (&Outcome{}).held(0)) // a closed loop's

	bothDrivers(t, func(t *testing.T, load loadFunc) {
		t.Parallel() // it waits
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(10 * time.Millisecond)
			io.WriteString(w, "hello")
		}))
		defer s.Close()
		code, rep, stderr := loadJSON(t, load, "-c", "1", "-warmup", "0s", "-rate", "110", "-d", "1s", s.URL)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "the rate could not be held: ")
		require.Less(t, rep.Requests, uint64(110))
	})
}

// Between requests a server may end connections: it is asked on others, and nothing has failed.
func TestOpenLoopIdleConnectionsEnd(t *testing.T) {
	t.Parallel() // it waits
	if runtime.GOOS != "linux" {
		t.Skip("without event loops nobody looks at an idle connection")
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	// Each connection is due once in 950 ms, and closed 50 ms after its answer: a machine would have to stand still for most of a
	// second before a request could meet the close.
	s.Config.IdleTimeout = 50 * time.Millisecond
	var closed atomic.Int64
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	code, rep, stderr := loadJSON(t, func(ctx context.Context, args ...string) (int, string, string) {
		return runBench(ctx, append([]string{"load"}, args...)...)
	}, "-c", "19", "-rate", "20", "-d", "2s", s.URL)
	require.Greater(t, closed.Load(), int64(10))
	wentWell(t, code, stderr)
	require.Greater(t, rep.Requests, uint64(10))
}

func TestLoadConnectionPerRequest(t *testing.T) {
	for _, rate := range []string{"", "500"} {
		bothDrivers(t, func(t *testing.T, load loadFunc) {
			var opened, served, kept atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				if !r.Close {
					kept.Add(1)
				}
				io.WriteString(w, "hello")
			}))
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					opened.Add(1)
				}
			}
			s.Start()
			defer s.Close()
			args := []string{"-close", s.URL}
			if rate != "" {
				args = []string{"-close", "-rate", rate, s.URL}
			}
			code, rep, stderr := loadJSON(t, load, args...)
			wentWell(t, code, stderr)
			require.True(t, rep.Close)
			require.Positive(t, rep.Requests)
			require.Zero(t, kept.Load())
			require.InDelta(t, served.Load(), opened.Load(), 4) // the last ones are opened and not served
			require.GreaterOrEqual(t, opened.Load(), int64(rep.Requests))
		})
	}
}

// A name may have addresses at which nobody listens.
func TestLoadConnectionPerRequestByName(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6")
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	if conn, err := net.Dial("tcp", "localhost:"+port); err != nil {
		t.Skip("localhost is not ::1")
	} else {
		conn.Close()
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	bothDrivers(t, func(t *testing.T, load loadFunc) {
		code, stdout, stderr := load(t.Context(), "-close", "http://localhost:"+port)
		require.Equal(t, 0, code, "%s%s", stdout, stderr)
	})
}

func TestLoadConnectionPerRequestServerGoesAway(t *testing.T) {
	bothDrivers(t, func(t *testing.T, load loadFunc) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var served atomic.Int32
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if served.Add(1) == 100 {
				l.Close()
			}
			io.WriteString(w, "hello")
		})}
		done := make(chan struct{})
		go func() { defer close(done); s.Serve(l) }()
		code, stdout, stderr := load(t.Context(), "-close", "-d", "30s", "http://"+l.Addr().String())
		require.Equal(t, 1, code, stdout)
		require.Contains(t, stderr, "went away")
		<-done
	})
}

func TestLoadMix(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s of %s", r.Method, r.URL.Path)
	}))
	defer s.Close()
	for _, extra := range [][]string{nil, {"-pipeline", "5"}, {"-close"}, {"-rate", "2000"}} {
		bothDrivers(t, func(t *testing.T, load loadFunc) {
			code, rep, stderr := loadJSON(t, load, append(extra, "-url", "6="+s.URL+"/often", "-url", "3="+s.URL+"/now", "-url", "1="+s.URL+"/seldom")...)
			wentWell(t, code, stderr)
			require.Len(t, rep.Mix, 3)
			var sum uint64
			for _, m := range rep.Mix {
				sum += m.Requests
			}
			require.Equal(t, rep.Requests, sum)
			// Each connection goes round the order of ten again and again.
			for i, m := range rep.Mix {
				require.Equal(t, []int{6, 3, 1}[i], m.Weight)
				require.InDelta(t, float64(m.Weight)/10*float64(sum), float64(m.Requests), 60+float64(sum)/20)
			}
		})
	}
}

// Each response is held to what its own request wants.
func TestLoadMixFindsTheWrongOne(t *testing.T) {
	var asked atomic.Int64
	enough := make(chan bool, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.URL.Path
		if body == "/b" {
			switch asked.Add(1) {
			case 20:
				body = "/a"
			case 100:
				enough <- true
			}
		}
		io.WriteString(w, body)
	}))
	defer s.Close()
	bothDrivers(t, func(t *testing.T, load loadFunc) {
		asked.Store(0)
		ctx := until(t, enough)
		code, rep, stderr := loadJSON(t, func(_ context.Context, args ...string) (int, string, string) { return load(ctx, args...) },
			"-warmup", "0s", "-d", "30s", "-url", "1="+s.URL+"/a", "-url", "1="+s.URL+"/b")
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "body differs at byte 1")
		require.EqualValues(t, 1, rep.Failed)
	})
}

func TestLoadBody(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Method", r.Method)
		io.Copy(w, r.Body)
	}))
	defer s.Close()
	file := filepath.Join(t.TempDir(), "body")
	require.NoError(t, os.WriteFile(file, []byte("from a file"), 0o644))
	for text, body := range map[string]string{"as it is": "as it is", "@" + file: "from a file", "": ""} {
		code, stdout, stderr := runBench(t.Context(), "load", "-d", "50ms", "-warmup", "0s", "-c", "2", "-body", text, "-expect-body", body, s.URL)
		require.Equal(t, 0, code, "%s%s", stdout, stderr)
	}
}
