package load

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// report is what load prints. Latencies are in microseconds, CPU times in microseconds per request.
type report struct {
	URL         string        `json:"url"`
	Mix         []mixReport   `json:"mix,omitempty"`
	Connections int           `json:"connections"`
	Close       bool          `json:"connection_per_request,omitempty"`
	Pipeline    int           `json:"pipeline"`
	Rate        float64       `json:"rate,omitempty"` // asked for, of an open loop; absent from a closed one
	Seconds     float64       `json:"seconds"`
	Socket      *socketReport `json:"websocket,omitempty"` // requests are messages there and back, or deliveries
	Requests    uint64        `json:"requests"`
	PerSecond   float64       `json:"requests_per_second"`
	Unanswered  uint64        `json:"unanswered,omitempty"`           // of an open loop: due, and not answered at the end
	Reopened    uint64        `json:"connections_reopened,omitempty"` // which the server had ended after an answer
	Bytes       uint64        `json:"bytes_received"`
	Latency     latencies     `json:"latency_us"`
	Curve       []CurvePoint  `json:"latency_curve,omitempty"`
	OwnCPU      *cpuReport    `json:"own_cpu,omitempty"`
	OwnLimit    bool          `json:"own_limit,omitempty"` // the figures may be about the loader
	ServerCPU   *cpuReport    `json:"server_cpu,omitempty"`
	Failed      uint64        `json:"failed"`
	Failures    []Failure     `json:"failures,omitempty"`
	Interrupted bool          `json:"interrupted,omitempty"`
}

type mixReport struct {
	URL      string `json:"url"`
	Weight   int    `json:"weight"`
	Requests uint64 `json:"requests"`
}

// CurvePoint says that so many percent of the latencies were at most so many microseconds.
type CurvePoint struct {
	Percent float64 `json:"percent"`
	Micros  float64 `json:"us"`
}

// curvePercents get denser towards the end, where what is rare is. Those that too few requests tell are left out; the end is
// the slowest.
var curvePercents = []float64{0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.975, 99.99, 99.995, 99.999}

// NewCurve is the curve of what t counted; nil if that is nothing.
func NewCurve(t *Tally) (curve []CurvePoint) {
	if t.hist.TotalCount() == 0 {
		return nil
	}
	for _, q := range curvePercents {
		if us := t.Quantile(q); !math.IsNaN(us) {
			curve = append(curve, CurvePoint{q, us})
		}
	}
	curve = append(curve, CurvePoint{100, float64(t.hist.Max()) / 1e3})
	return curve
}

// latencies are percentiles. One that so few requests do not tell is 0, and absent from JSON.
type latencies struct {
	P50   float64 `json:"p50,omitempty"`
	P90   float64 `json:"p90,omitempty"`
	P95   float64 `json:"p95,omitempty"`
	P99   float64 `json:"p99,omitempty"`
	P999  float64 `json:"p99.9,omitempty"`
	P9999 float64 `json:"p99.99,omitempty"`
	Max   float64 `json:"max"`
}

type cpuReport struct {
	Sum    float64  `json:"us_per_request"`
	User   *float64 `json:"user_us_per_request,omitempty"` // absent if too little was used to tell them apart
	System *float64 `json:"system_us_per_request,omitempty"`
	Cores  float64  `json:"cores_busy"`
}

func newLatencies(t *Tally) latencies {
	if t.hist.TotalCount() == 0 {
		return latencies{}
	}
	at := func(q float64) float64 {
		if us := t.Quantile(q); !math.IsNaN(us) {
			return us
		}
		return 0
	}
	return latencies{at(50), at(90), at(95), at(99), at(99.9), at(99.99), float64(t.hist.Max()) / 1e3}
}

func newCPUReport(u process.Usage, requests uint64, elapsed time.Duration) *cpuReport {
	if !u.Known || requests == 0 || elapsed <= 0 {
		return nil
	}
	per := func(d time.Duration) float64 { return float64(d) / 1e3 / float64(requests) }
	c := &cpuReport{Sum: per(u.Sum), Cores: float64(u.Sum) / float64(elapsed)}
	if user, system, ok := u.Split(); ok {
		us, sy := per(user), per(system)
		c.User, c.System = &us, &sy
	}
	return c
}

func newReport(m mix, r *Run, o *Outcome, server process.Usage) *report {
	t, g := o.Total(), r.Groups[0]
	rep := &report{
		URL: m.title(), Connections: g.Conns, Close: g.Close, Pipeline: g.depth, Rate: g.Rate,
		Seconds: o.Elapsed.Seconds(), Requests: t.Requests, Unanswered: t.unanswered, Reopened: t.Reopened, Bytes: t.Bytes,
		Latency: newLatencies(t), Curve: NewCurve(t),
		OwnCPU:    newCPUReport(o.OwnCPU, t.Requests, o.Elapsed),
		ServerCPU: newCPUReport(server, t.Requests, o.Elapsed),
		Failures:  t.Failed(), Interrupted: o.Interrupted, Socket: newSocketReport(r),
	}
	if o.Elapsed > 0 {
		rep.PerSecond = float64(t.Requests) / o.Elapsed.Seconds()
	}
	for _, f := range rep.Failures {
		rep.Failed += f.Count
	}
	if len(m.urls) > 1 {
		for i, url := range m.urls {
			mr := mixReport{URL: url, Weight: m.weights[i]}
			if i < len(t.each) {
				mr.Requests = t.each[i]
			}
			rep.Mix = append(rep.Mix, mr)
		}
	}
	rep.OwnLimit = rep.ownLimit(r.Loops) && (g.Rate == 0 || !o.held(0))
	return rep
}

// A loader is at its limit when it has used nearly all the CPU time it may; a server is not when it has some left.
const (
	OwnBusy    = 0.95
	ServerBusy = 0.90
)

// ownLimit reports whether the figures may be about the loader: it was at its limit, and the server, as far as is known,
// was not. An open loop may be awake all the time only to be in time; it is at its limit if it does not hold its rate either.
func (r *report) ownLimit(threads int) bool {
	return r.OwnCPU != nil && r.OwnCPU.Cores >= OwnBusy*float64(threads) &&
		(r.ServerCPU == nil || r.ServerCPU.Cores < ServerBusy)
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %d connections", r.URL, r.Connections)
	if r.Close {
		fmt.Fprintf(w, " at a time, one for every request")
	}
	if r.Pipeline > 1 {
		fmt.Fprintf(w, ", pipelined by %d", r.Pipeline)
	}
	if s := r.Socket; s != nil {
		fmt.Fprintf(w, ", messages of %s bytes", figures.Thousands(uint64(s.Size)))
		if s.Subscribers > 0 {
			fmt.Fprintf(w, " to a topic, %s published in all", figures.Thousands(s.Published))
		}
	}
	if r.Rate > 0 {
		fmt.Fprintf(w, ", %s requests a second due", figures.Thousands(uint64(r.Rate+0.5)))
	}
	fmt.Fprintf(w, ", measured for %.2f s\n", r.Seconds)
	fmt.Fprintf(w, "  %-11s %s, %s a second, all checked\n", r.noun(), figures.Thousands(r.Requests), figures.Thousands(uint64(r.PerSecond+0.5)))
	for _, m := range r.Mix {
		fmt.Fprintf(w, "    %s of %s (weight %d)\n", figures.Thousands(m.Requests), m.URL, m.Weight)
	}
	if r.Unanswered > 0 {
		fmt.Fprintf(w, "  unanswered  %s that were due; each counts with the time that it had waited\n", figures.Thousands(r.Unanswered))
	}
	if r.Reopened > 0 {
		fmt.Fprintf(w, "  reopened    %s connections, which the server had ended after an answer\n", figures.Thousands(r.Reopened))
	}
	fmt.Fprintf(w, "  received    %s bytes\n", figures.Thousands(r.Bytes))
	if r.Requests > 0 {
		l := r.Latency
		at := func(us float64) string {
			if us == 0 {
				return "n/a" // too few requests
			}
			return figures.Micros(us)
		}
		fmt.Fprintf(w, "  latency     p50 %s, p90 %s, p95 %s, p99 %s, p99.9 %s, p99.99 %s, max %s\n",
			at(l.P50), at(l.P90), at(l.P95), at(l.P99), at(l.P999), at(l.P9999), at(l.Max))
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
	fmt.Fprintf(w, "  failed      %s\n", figures.Thousands(r.Failed))
	for _, f := range r.Failures {
		fmt.Fprintf(w, "    %s %s, the first: %s\n", figures.Thousands(f.Count), f.Kind, f.First)
	}
}
