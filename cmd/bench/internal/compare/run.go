package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

// run measures everything. What it has measured when an error ends it stands in rows.
func (c *comparison) run(ctx context.Context) error {
	for _, s := range c.scenarios {
		rounds := c.rounds
		if s.idle {
			rounds = 1
		}
		for _, name := range c.servers {
			if c.offers(name, s) {
				c.steps += rounds
			}
		}
	}
	c.line.Note("%s; about %.0f s", c.setup(), c.seconds())
	var plain, secure []*process.Child
	defer func() {
		for _, ch := range slices.Concat(plain, secure) {
			if ch != nil {
				ch.Stop()
			}
		}
	}()
	for _, s := range c.scenarios {
		some := &plain
		if s.tls {
			some = &secure
		}
		if *some == nil {
			*some = make([]*process.Child, len(c.servers))
		}
		children := *some
		if err := c.startThose(ctx, s, children); err != nil {
			return err
		}
		var err error
		if s.idle {
			err = c.idleRow(ctx, s, children)
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
		for _, name := range c.servers {
			switch {
			case !c.offers(name, s):
			case s.idle:
				sum += idleWarmup + 2*idleSettle + time.Duration(c.idle)*200*time.Microsecond
			default:
				// Opening a connection takes both sides some time, and the server some to be warm with it.
				sum += time.Duration(c.rounds) * (c.durationOf(s) + c.warmupOf(s) + time.Duration(s.conns)*100*time.Microsecond)
				if s.open > 0 {
					sum += time.Duration(c.rounds) * (c.duration + c.warmup)
				}
				if s.slow {
					sum += time.Duration(c.rounds) * (max(c.duration, openLeast) + c.warmupOf(s))
				}
			}
		}
	}
	return math.Ceil(sum.Seconds())
}

// openLeast is the time that an open loop is measured at least: the 99.99th percentile wants some ten thousands of requests,
// and what a server does once a second is to be seen.
const openLeast = time.Second

// slowLeast is long enough to fill the buffers of the kernel and a queue of some megabytes.
const slowLeast = 1500 * time.Millisecond

func (c *comparison) durationOf(s scenario) time.Duration {
	if s.slow {
		return max(c.duration, slowLeast)
	}
	if s.open > 0 {
		return max(c.duration, openLeast)
	}
	return c.duration
}

// unheld notes an open loop whose rate could not be held.
func (c *comparison) unheld(title, server string) {
	for i := range c.slow {
		if s := &c.slow[i]; s.title == title && s.server == server {
			s.rounds++
			return
		}
	}
	c.slow = append(c.slow, slowLoad{title, server, 1})
}

type slowLoad struct {
	title, server string
	rounds        int
}

// warmupOf lets each of many connections have its first request before the measured part.
func (c *comparison) warmupOf(s scenario) time.Duration {
	return c.warmup + time.Duration(s.conns)*50*time.Microsecond
}

// loadRows runs the rounds of a scenario, forwards and backwards in turns. A server that fails is left out of the rest.
func (c *comparison) loadRows(ctx context.Context, s scenario, children []*process.Child) error {
	loads := make([][]*load.Group, len(children))
	for i, ch := range children {
		if !c.offers(c.servers[i], s) {
			continue
		}
		err := c.probe(ctx, s, ch)
		var other *otherAnswer
		switch {
		case ctx.Err() != nil:
			return command.ErrInterrupted
		case errors.As(err, &other) && c.external(ch.Name) != nil:
			c.warn("%s is left out of %s: %v", ch.Name, s.name, err)
			continue
		case err != nil:
			c.fail("%s, %v", s.name, err)
			if err := c.revive(ctx, children, i, s.tls); err != nil {
				return err
			}
			continue
		}
		if loads[i], err = s.groups(ch.URL, c.conns); err != nil {
			return err
		}
	}
	rows := c.newRows(s, loads)
	for round := range c.rounds {
		for k := range children {
			if round%2 == 1 {
				k = len(children) - 1 - k
			}
			if loads[k] == nil {
				continue
			}
			samples, err := c.measure(ctx, s, children[k], loads[k])
			if errors.Is(err, load.ErrNothing) && ctx.Err() == nil { // another program may have had the CPU all the time
				c.step--
				samples, err = c.measure(ctx, s, children[k], loads[k])
			}
			if errors.Is(err, command.ErrInterrupted) || ctx.Err() != nil {
				return command.ErrInterrupted
			}
			if err != nil {
				c.fail("%s, %s: %v", s.name, children[k].Name, err)
				loads[k] = nil
				for i := range rows {
					rows[i].left[k], rows[i].rounds[k], rows[i].sums[k] = true, nil, nil
				}
				if err := c.revive(ctx, children, k, s.tls); err != nil {
					return err
				}
				continue
			}
			for i := range rows {
				rows[i].add(k, samples[i])
			}
		}
	}
	return nil
}

// newRows adds the rows of a scenario, and returns them for being filled.
func (c *comparison) newRows(s scenario, loads [][]*load.Group) []row {
	first := len(c.rows)
	some := slices.IndexFunc(loads, func(gs []*load.Group) bool { return gs != nil })
	if some < 0 {
		return nil
	}
	for i, g := range loads[some] {
		r := newRow(s.name, g.Name, rowLoad, len(c.servers))
		if i > 0 {
			r.kind = rowFollows
		}
		for k := range loads {
			r.left[k] = loads[k] == nil
		}
		c.rows = append(c.rows, r)
	}
	return c.rows[first:]
}

// fail notes what makes the results incomplete.
func (c *comparison) fail(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	c.failures = append(c.failures, s)
	c.line.Note("failed: %s", s)
}

// setRates measures by a closed loop what a server can do, right before an open loop at a share of it: a minute later the machine
// may be another one. It returns the requests a second.
func (c *comparison) setRates(ctx context.Context, s scenario, ch *process.Child, groups []*load.Group) (float64, error) {
	run := load.Run{Addr: ch.Addr, Warmup: c.warmup, Duration: c.duration, Timeout: c.timeout, Loops: 1}
	for _, g := range groups {
		closed := *g
		closed.Rate = 0
		run.Groups = append(run.Groups, &closed)
	}
	out, err := run.Do(ctx)
	if err != nil {
		return 0, fmt.Errorf("%s", ch.LastWords(err))
	}
	if out.Interrupted {
		return 0, command.ErrInterrupted
	}
	if err := out.Problem(ch.Addr); err != nil {
		return 0, err
	}
	for i, g := range groups {
		g.Rate = s.open * float64(out.Groups[i].Requests) / out.Elapsed.Seconds()
	}
	return float64(out.Total().Requests) / out.Elapsed.Seconds(), nil
}

// otherAnswer is an answer that is not the application's.
type otherAnswer struct{ text string }

func (e *otherAnswer) Error() string { return e.text }

// probe asks for each path of s once, so that a server which answers otherwise is told apart from one that fails
// under load.
func (c *comparison) probe(ctx context.Context, s scenario, ch *process.Child) error {
	for _, p := range s.parts {
		r, err := s.request(p, ch.URL)
		if err != nil {
			return err
		}
		method := "GET"
		if p.send != "" {
			method = "POST"
		}
		status, body, err := r.Probe(ctx, c.timeout)
		if status == 200 && s.topic && err == nil {
			err = r.ProbeTopic(ctx, c.timeout)
		}
		switch {
		case err != nil:
			return fmt.Errorf("%s: %s %s: %s", ch.Name, method, p.path, ch.LastWords(err))
		case status != 200 || string(body) != p.body:
			return &otherAnswer{fmt.Sprintf("%s: %s %s answers %d %q instead of 200 %q", ch.Name, method, p.path, status, load.Cut(body), load.Cut([]byte(p.body)))}
		}
	}
	return nil
}

// measure loads a server once and returns what each group did.
func (c *comparison) measure(ctx context.Context, s scenario, ch *process.Child, groups []*load.Group) ([]measured, error) {
	c.step++
	c.loads++
	title := groups[0].Name
	c.line.Note("[%d/%d] %s: %s", c.step, c.steps, title, ch.Name)
	able := math.NaN()
	if s.open > 0 {
		var err error
		if able, err = c.setRates(ctx, s, ch, groups); err != nil {
			return nil, err
		}
	}
	calm := math.NaN()
	if s.slow {
		var err error
		if calm, err = c.withoutSlow(ctx, ch, s, groups); err != nil {
			return nil, err
		}
	}
	var from, to process.State
	var uerr error
	run := load.Run{
		Addr: ch.Addr, Groups: groups, Warmup: c.warmupOf(s), Duration: c.durationOf(s), Timeout: c.timeout, Loops: 1,
		Begin: func() { from, uerr = ch.State() },
		End: func() {
			if uerr == nil {
				to, uerr = ch.State()
			}
		},
		Progress: func(_ time.Duration, requests, _ uint64) {
			c.line.Show("[%d/%d] %s: %s: %s requests", c.step, c.steps, title, ch.Name, figures.Thousands(requests))
		},
	}
	out, err := c.loadBy(ctx, &run)
	if err != nil {
		return nil, fmt.Errorf("%s", ch.LastWords(err))
	}
	if out.Interrupted {
		return nil, command.ErrInterrupted
	}
	var slow *load.RateError
	if err := out.Problem(ch.Addr); errors.As(err, &slow) {
		c.unheld(title, ch.Name) // its latencies say so too
	} else if err != nil {
		if out.Gone {
			return nil, fmt.Errorf("%w; %s", err, ch.LastWords(errors.New("it said nothing")))
		}
		return nil, err
	}
	if ch.Gone() {
		return nil, errors.New(ch.LastWords(process.ErrBackground))
	}
	used := to.Minus(from)
	used.CPU.Known = used.CPU.Known && uerr == nil
	used.Switches = used.Switches && uerr == nil
	if s.open == 0 && s.rate == 0 {
		c.checkLimit(title, ch.Name, out, used.CPU)
	}

	var all []measured
	for i, t := range out.Groups {
		if float64(t.Reopened) > reopenedMost*float64(t.Requests) {
			c.warn("%s, %s: the server ends connections after an answer, and what is measured is in part that others are opened", groups[i].Name, ch.Name)
		}
		m := measured{results.NoSample(), t}
		m.rate(out.Elapsed)
		if i == 0 {
			m.process(used, out.Total().Requests)
			m.sample[results.Capacity] = able
			if n, err := ch.ResidentNow(); err == nil {
				m.sample[results.RSS] = float64(n)
			}
			m.sample[results.CalmP99] = calm
			if s.tls && s.close {
				m.sample[results.Handshakes] = 1e6 / m.sample[results.CPU]
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// reopenedMost is the share of the answers after which connections may end: one in a thousand is usual.
const reopenedMost = 0.01

func (c *comparison) loadBy(ctx context.Context, run *load.Run) (*load.Outcome, error) {
	if c.wrk != nil {
		return c.wrk.Do(ctx, run, c.loaderCPUs)
	}
	return run.Do(ctx)
}

// checkLimit warns where requests per second are not about the server: a closed loop keeps it busy, unless the load or
// the machine cannot.
func (c *comparison) checkLimit(title, name string, out *load.Outcome, server process.Usage) {
	if c.loaderCPUs == nil || !out.OwnCPU.Known || !server.Known {
		return
	}
	own := float64(out.OwnCPU.Sum) / float64(out.Elapsed)
	if float64(server.Sum)/float64(out.Elapsed) >= load.ServerBusy*float64(c.procs) {
		return
	}
	if own >= load.OwnBusy*float64(len(c.loaderCPUs)) {
		c.warn("%s, %s: the load was at the limit of its CPU and the server was not: requests/s and latencies are about the load", title, name)
		return
	}
	c.disturbed++
}
