package load

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// Latencies are kept from 100 ns to a minute with three significant digits, in some 200 KB.
const (
	latencyMin = int64(100)
	latencyMax = int64(time.Minute)
)

// Tally is what was counted for one group. Failures count from the first connection on, everything else during the
// measured part only.
type Tally struct {
	mu       sync.Mutex
	Requests uint64 // answered as wanted
	Bytes    uint64 // received
	hist     *hdrhistogram.Histogram
	failures map[string]*Failure

	each       []uint64        // of a mix: answered as wanted, by request
	unanswered uint64          // of an open loop: due, and not answered when time was over
	slowest    time.Duration   // the longest time from the sending of a request that was answered
	waiting    []time.Duration // of requests that had been sent and not answered when time was over, those of a second and more
	Reopened   uint64          // connections that the server ended after an answer
}

// Failure counts what went wrong in one way. The number of kinds is bounded by the number of status codes.
type Failure struct {
	Kind  string `json:"kind"`
	Count uint64 `json:"count"`
	First string `json:"first"` // the first one, in full
}

// NewTally has counted nothing.
func NewTally() *Tally {
	return &Tally{hist: hdrhistogram.New(latencyMin, latencyMax, 3), failures: map[string]*Failure{}}
}

func (t *Tally) latency(ns, n int64) {
	// In range, hence no error.
	_ = t.hist.RecordValues(min(max(ns, latencyMin), latencyMax), n)
}

// Quantile is the latency in microseconds that q percent of the requests do not exceed. It is NaN if so few were measured that
// none of them lies beyond: the 99.99th percentile of a hundred requests would be no more than the slowest under another name.
func (t *Tally) Quantile(q float64) float64 {
	n := t.hist.TotalCount()
	beyond := int64(math.Round((100 - q) * 1e6)) // of 1e8
	if n == 0 || q > 50 && n*beyond < 1e8 {
		return math.NaN()
	}
	return float64(t.hist.ValueAtQuantile(q)) / 1e3
}

// answered counts a good response to one request of a mix.
func (t *Tally) answered(request int) {
	for len(t.each) <= request {
		t.each = append(t.each, 0)
	}
	t.each[request]++
}

// lateBy notes n requests of an open loop that were not answered by its end, ns after they were due. Their latency would
// have been that or more; without them an overloaded server would seem the faster the less it answers.
func (t *Tally) lateBy(ns, n int64) {
	t.unanswered += uint64(n)
	t.latency(ns, n)
}

// A request that has waited for so long, and so many times as long as any that was answered, is not under way but forgotten.
const (
	forgottenLeast = time.Second
	forgottenTimes = 4
)

// failForgotten makes failures of those requests. The latencies of a closed loop, which know only of answers, would hide a
// server that answers some of its connections and not the others, or stands still from some time on.
func (t *Tally) failForgotten() {
	if t.Requests == 0 {
		return // that nothing was answered says more
	}
	for _, w := range t.waiting {
		if w > forgottenTimes*t.slowest {
			t.fail("no answer", "a request had waited for %.1f s when the time was over, and no answered one for more than %.3f s", w.Seconds(), t.slowest.Seconds())
		}
	}
}

func (t *Tally) fail(kind, format string, args ...any) {
	f := t.failures[kind]
	if f == nil {
		f = &Failure{Kind: kind, First: fmt.Sprintf(format, args...)}
		t.failures[kind] = f
	}
	f.Count++
}

func (t *Tally) lockedFail(kind, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail(kind, format, args...)
}

func (t *Tally) soFar() (requests uint64, failed uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.failures {
		failed += f.Count
	}
	return t.Requests, failed
}

// Add merges o, which is no longer written to, into t.
func (t *Tally) Add(o *Tally) {
	t.Requests += o.Requests
	t.Bytes += o.Bytes
	t.hist.Merge(o.hist)
	for i, n := range o.each {
		for len(t.each) <= i {
			t.each = append(t.each, 0)
		}
		t.each[i] += n
	}
	t.unanswered += o.unanswered
	t.slowest = max(t.slowest, o.slowest)
	t.waiting = append(t.waiting, o.waiting...)
	t.Reopened += o.Reopened
	for kind, f := range o.failures {
		if mine := t.failures[kind]; mine != nil {
			mine.Count += f.Count
		} else {
			t.failures[kind] = &Failure{kind, f.Count, f.First}
		}
	}
}

// Failed lists the failures, the most frequent first.
func (t *Tally) Failed() []Failure {
	var fs []Failure
	for _, f := range t.failures {
		fs = append(fs, *f)
	}
	slices.SortFunc(fs, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind))
	})
	return fs
}

// kindOf names an error of a connection by what it means to whoever reads the count.
func kindOf(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "closed early"
	case errors.Is(err, netio.ErrReset), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	}
	return "connection error"
}
