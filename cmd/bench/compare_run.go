package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
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
	c.line.note("%s; about %.0f s", c.setup(), c.seconds())
	var plain, secure []*child
	defer func() {
		for _, ch := range slices.Concat(plain, secure) {
			if ch != nil {
				ch.stop()
			}
		}
	}()
	for _, s := range c.scenarios {
		some := &plain
		if s.tls {
			some = &secure
		}
		if *some == nil {
			*some = make([]*child, len(c.servers))
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
func (c *comparison) loadRows(ctx context.Context, s scenario, children []*child) error {
	loads := make([][]*group, len(children))
	for i, ch := range children {
		if !c.offers(c.servers[i], s) {
			continue
		}
		err := c.probe(ctx, s, ch)
		var other *otherAnswer
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case errors.As(err, &other) && c.external(ch.name) != nil:
			c.warn("%s is left out of %s: %v", ch.name, s.name, err)
			continue
		case err != nil:
			c.fail("%s, %v", s.name, err)
			continue
		}
		if loads[i], err = s.groups(ch.url, c.conns); err != nil {
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
			if errors.Is(err, errNothing) && ctx.Err() == nil { // another program may have had the CPU all the time
				c.step--
				samples, err = c.measure(ctx, s, children[k], loads[k])
			}
			if errors.Is(err, errInterrupted) || ctx.Err() != nil {
				return errInterrupted
			}
			if err != nil {
				c.fail("%s, %s: %v", s.name, children[k].name, err)
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
func (c *comparison) newRows(s scenario, loads [][]*group) []row {
	first := len(c.rows)
	some := slices.IndexFunc(loads, func(gs []*group) bool { return gs != nil })
	if some < 0 {
		return nil
	}
	for i, g := range loads[some] {
		r := newRow(s.name, g.name, rowLoad, len(c.servers))
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
	c.line.note("failed: %s", s)
}

// setRates measures by a closed loop what a server can do, right before an open loop at a share of it: a minute later the machine
// may be another one. It returns the requests a second.
func (c *comparison) setRates(ctx context.Context, s scenario, ch *child, groups []*group) (float64, error) {
	run := loadRun{addr: ch.addr, warmup: c.warmup, duration: c.duration, timeout: c.timeout, loops: 1}
	for _, g := range groups {
		closed := *g
		closed.rate = 0
		run.groups = append(run.groups, &closed)
	}
	out, err := run.do(ctx)
	if err != nil {
		return 0, fmt.Errorf("%s", ch.lastWords(err))
	}
	if out.interrupted {
		return 0, errInterrupted
	}
	if err := out.problem(ch.addr); err != nil {
		return 0, err
	}
	for i, g := range groups {
		g.rate = s.open * float64(out.groups[i].requests) / out.elapsed.Seconds()
	}
	return float64(out.total().requests) / out.elapsed.Seconds(), nil
}

// otherAnswer is an answer that is not the application's.
type otherAnswer struct{ text string }

func (e *otherAnswer) Error() string { return e.text }

// probe asks for each path of s once, so that a server which answers otherwise is told apart from one that fails
// under load.
func (c *comparison) probe(ctx context.Context, s scenario, ch *child) error {
	for _, p := range s.parts {
		r, err := s.request(p, ch.url)
		if err != nil {
			return err
		}
		method := "GET"
		if p.send != "" {
			method = "POST"
		}
		status, body, err := r.probe(ctx, c.timeout)
		if status == 200 && s.topic && err == nil {
			err = r.probeTopic(ctx, c.timeout)
		}
		switch {
		case err != nil:
			return fmt.Errorf("%s: %s %s: %s", ch.name, method, p.path, ch.lastWords(err))
		case status != 200 || string(body) != p.body:
			return &otherAnswer{fmt.Sprintf("%s: %s %s answers %d %q instead of 200 %q", ch.name, method, p.path, status, cut(body), cut([]byte(p.body)))}
		}
	}
	return nil
}

// measure loads a server once and returns what each group did.
func (c *comparison) measure(ctx context.Context, s scenario, ch *child, groups []*group) ([]measured, error) {
	c.step++
	c.loads++
	title := groups[0].name
	c.line.note("[%d/%d] %s: %s", c.step, c.steps, title, ch.name)
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
	var from, to processState
	var uerr error
	run := loadRun{
		addr: ch.addr, groups: groups, warmup: c.warmupOf(s), duration: c.durationOf(s), timeout: c.timeout, loops: 1,
		begin: func() { from, uerr = ch.state() },
		end: func() {
			if uerr == nil {
				to, uerr = ch.state()
			}
		},
		progress: func(_ time.Duration, requests, _ uint64) {
			c.line.show("[%d/%d] %s: %s: %s requests", c.step, c.steps, title, ch.name, thousands(requests))
		},
	}
	out, err := c.loadBy(ctx, &run)
	if err != nil {
		return nil, fmt.Errorf("%s", ch.lastWords(err))
	}
	if out.interrupted {
		return nil, errInterrupted
	}
	var slow *rateErr
	if err := out.problem(ch.addr); errors.As(err, &slow) {
		c.unheld(title, ch.name) // its latencies say so too
	} else if err != nil {
		if out.gone {
			return nil, fmt.Errorf("%w; %s", err, ch.lastWords(errors.New("it said nothing")))
		}
		return nil, err
	}
	used := to.minus(from)
	used.cpu.known = used.cpu.known && uerr == nil
	used.switches = used.switches && uerr == nil
	if s.open == 0 && s.rate == 0 {
		c.checkLimit(title, ch.name, out, used.cpu)
	}

	var all []measured
	for i, t := range out.groups {
		m := measured{noSample(), t}
		m.rate(out.elapsed)
		if i == 0 {
			m.process(used, out.total().requests)
			m.sample[capacity] = able
			if n, err := ch.residentNow(); err == nil {
				m.sample[rss] = float64(n)
			}
			m.sample[calmP99] = calm
			if s.tls && s.close {
				m.sample[handshakes] = 1e6 / m.sample[cpu]
			}
		}
		all = append(all, m)
	}
	return all, nil
}

func (c *comparison) loadBy(ctx context.Context, run *loadRun) (*outcome, error) {
	if c.wrk != nil {
		return c.wrk.do(ctx, run, c.loaderCPUs)
	}
	return run.do(ctx)
}

// checkLimit warns where requests per second are not about the server: a closed loop keeps it busy, unless the load or
// the machine cannot.
func (c *comparison) checkLimit(title, name string, out *outcome, server usage) {
	if c.loaderCPUs == nil || !out.ownCPU.known || !server.known {
		return
	}
	own := float64(out.ownCPU.sum) / float64(out.elapsed)
	if float64(server.sum)/float64(out.elapsed) >= serverBusy*float64(c.procs) {
		return
	}
	if own >= ownBusy*float64(len(c.loaderCPUs)) {
		c.warn("%s, %s: the load was at the limit of its CPU and the server was not: requests/s and latencies are about the load", title, name)
		return
	}
	c.disturbed++
}
