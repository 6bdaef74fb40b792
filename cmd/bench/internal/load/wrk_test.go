package load

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseWrk(t *testing.T) {
	res, err := parseWrk([]byte("Running 1s test @ http://x/\n  10 requests in 1.00s\n" +
		"bench-sums 10 1000123 1150\nbench-errors 0 1 0 2 0\nbench-latency 35 7\nbench-latency 1200 3\n"))
	require.NoError(t, err)
	require.Equal(t, wrkResult{
		requests: 10, bytes: 1150, elapsed: 1_000_123 * time.Microsecond,
		errors: [5]uint64{0, 1, 0, 2, 0}, latencies: [][2]int64{{35, 7}, {1200, 3}},
	}, res)

	for _, bad := range []string{"", "unable to connect", "bench-sums 1 2 3\n", "bench-sums 1 2\nbench-errors 0 0 0 0 0\n", "bench-latency x 1\n"} {
		_, err := parseWrk([]byte(bad))
		require.ErrorContains(t, err, "wrk said", "%q", bad)
	}
}

func TestWrkTally(t *testing.T) {
	g := &Group{Conns: 2, depth: 4}
	for _, c := range []struct {
		name  string
		res   wrkResult
		fails string
	}{
		{"whole", wrkResult{requests: 10, bytes: 1000}, ""},
		{"others under way", wrkResult{requests: 10, bytes: 1799}, ""},
		{"shorter ones", wrkResult{requests: 10, bytes: 999}, "length"},
		{"longer ones", wrkResult{requests: 10, bytes: 1801}, "length"},
		{"errors", wrkResult{requests: 10, bytes: 1000, errors: [5]uint64{3: 7}}, "status of 400 or more"},
	} {
		tally := c.res.tally(g, 100)
		var kinds []string
		for _, f := range tally.Failed() {
			kinds = append(kinds, f.Kind)
		}
		require.Equal(t, c.fails, strings.Join(kinds, ","), c.name)
		require.Equal(t, uint64(10), tally.Requests)
	}
	tally := wrkResult{requests: 10, bytes: 1000, latencies: [][2]int64{{50, 9}, {5000, 1}}}.tally(g, 100)
	require.InEpsilon(t, 50e3, tally.hist.ValueAtQuantile(50), 0.01)
	require.InEpsilon(t, 5000e3, tally.hist.ValueAtQuantile(100), 0.01)
}

func needWrk(t *testing.T) *Wrk {
	w, err := FindWrk()
	if err != nil {
		t.Skip("wrk is not installed")
	}
	return w
}

// wrkRun loads url by wrk for a second.
func wrkRun(t *testing.T, url string, depth int, warmup time.Duration) (*Outcome, error) {
	r, err := NewRequest("GET", url, nil, nil)
	require.NoError(t, err)
	r.Want.Body = []byte("hello")
	return needWrk(t).Do(t.Context(), &Run{
		Addr: r.Addr, Groups: []*Group{NewGroup("", 4, depth, r)}, Warmup: warmup, Duration: time.Second, Timeout: 5 * time.Second,
	}, nil)
}

// wrk sends what we would, pipelined too, and its count is the server's.
func TestWrkCountsWhatWasServed(t *testing.T) {
	needWrk(t)
	for _, depth := range []int{1, 16} {
		t.Run(fmt.Sprint(depth), func(t *testing.T) {
			t.Parallel() // wrk measures whole seconds
			var served atomic.Uint64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				if r.URL.RequestURI() != "/path?q=%22" || r.Host != r.Context().Value(http.LocalAddrContextKey).(fmt.Stringer).String() {
					w.WriteHeader(http.StatusBadRequest)
				}
				io.WriteString(w, "hello")
			}))
			defer s.Close()
			out, err := wrkRun(t, s.URL+"/path?q=%22", depth, 0)
			require.NoError(t, err)
			require.NoError(t, out.Problem(s.URL))
			sum := out.Total()
			require.LessOrEqual(t, sum.Requests, served.Load())
			require.GreaterOrEqual(t, sum.Requests+uint64(4*depth+1), served.Load()) // 4 connections under way, and the one checked
			require.Positive(t, sum.hist.TotalCount())
			require.Positive(t, out.Elapsed)
			require.Positive(t, out.OwnCPU.Sum)
		})
	}
}

func TestWrkFindsWrongAnswers(t *testing.T) {
	answers := func(t *testing.T, change func(w http.ResponseWriter) string) string {
		var served atomic.Uint64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			body := "hello"
			if n := served.Add(1); n > 1 && n%3 == 0 {
				body = change(w)
			}
			io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	for _, c := range []struct {
		name   string
		change func(w http.ResponseWriter) string
		warmup time.Duration
		says   string
	}{
		{"status", func(w http.ResponseWriter) string { w.WriteHeader(503); return "hello" }, 0, "status of 400 or more"},
		{"length", func(http.ResponseWriter) string { return "hello, longer" }, 0, "not all of them were alike"},
		{"body", func(http.ResponseWriter) string { return "jello" }, 100 * time.Millisecond, "body differs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // wrk measures whole seconds
			url := answers(t, c.change)
			out, err := wrkRun(t, url, 1, c.warmup)
			require.NoError(t, err)
			require.ErrorContains(t, out.Problem(url), c.says)
		})
	}
}
