package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// Waits of the idle scenario: until the warm-up's connections are gone, and until what a server does when a
// connection falls idle is done.
const (
	idleWarmup = 300 * time.Millisecond
	idleSettle = 700 * time.Millisecond
)

// idleRow measures memory, with a fresh process for each server: one that has worked has room left over from it. An external
// server cannot run twice on its address, so its process is replaced.
func (c *comparison) idleRow(ctx context.Context, s scenario, children []*process.Child) error {
	title := "idle, %s connections"
	if s.sends > 0 {
		title = "idle, %s WebSockets"
	} else if s.tls {
		title += " over TLS"
	}
	r := newRow(s.name, fmt.Sprintf(title, figures.Thousands(uint64(c.idle))), rowIdle, len(c.servers))
	for i, name := range c.servers {
		r.left[i] = !c.offers(name, s)
	}
	c.rows = append(c.rows, r)
	for i, name := range c.servers {
		if r.left[i] {
			continue
		}
		c.step++
		c.line.Note("[%d/%d] idle memory: %s", c.step, c.steps, name)
		ch, err := c.fresh(ctx, children, i, s.tls)
		if err != nil {
			return err
		}
		bytes, err := idleMemory(ctx, ch, s, c.idle, c.timeout, func(format string, args ...any) {
			c.line.Show("[%d/%d] "+name+": "+format, append([]any{c.step, c.steps}, args...)...)
		})
		if ch != children[i] {
			ch.Stop()
		}
		switch {
		case errors.Is(err, process.ErrUnmeasured):
			bytes = math.NaN()
		case ctx.Err() != nil:
			return command.ErrInterrupted
		case errors.As(err, new(*load.RefusedError)) && c.external(name) != nil:
			r.left[i] = true
			c.warn("%s is left out of %s: %v", name, s.name, err)
			continue
		case err != nil:
			r.left[i] = true
			c.fail("%s, %s: %v", s.name, name, err)
			if err := c.revive(ctx, children, i, s.tls); err != nil {
				return err
			}
			continue
		}
		one := results.NoSample()
		one[results.IdleBytes] = bytes
		r.rounds[i] = append(r.rounds[i], one)
	}
	return nil
}

// idleMemory is the resident memory of c in bytes for each of n idle connections that have made one checked
// request. They make another one at the end: a server that had dropped them would look thrifty.
func idleMemory(ctx context.Context, c *process.Child, s scenario, n int, timeout time.Duration, say func(string, ...any)) (float64, error) {
	p := part{path: "/plaintext", body: servers.Plaintext}
	if len(s.parts) > 0 {
		p = s.parts[0]
	}
	req, err := s.request(p, c.URL)
	if err != nil {
		return 0, err
	}
	warm := load.Run{Addr: c.Addr, Groups: []*load.Group{load.NewGroup("", 64, 1, req)}, Duration: idleWarmup, Timeout: timeout, Loops: 1}
	if out, err := warm.Do(ctx); err != nil {
		return 0, err
	} else if err := out.Problem(c.Addr); err != nil && ctx.Err() == nil {
		return 0, err
	}
	if err := load.Sleep(ctx, idleSettle); err != nil {
		return 0, err
	}
	before, err := c.Resident()
	if err != nil {
		return 0, err
	}

	say("%d idle connections: opening", n)
	idle, err := load.OpenIdle(ctx, req, n, timeout)
	if err != nil {
		return 0, err
	}
	defer idle.Close()
	say("%d idle connections: settling", n)
	if err := load.Sleep(ctx, idleSettle); err != nil {
		return 0, err
	}
	after, err := c.Resident()
	if err != nil {
		return 0, err
	}
	say("%d idle connections: asking each again", n)
	if err := idle.Ask(); err != nil {
		return 0, fmt.Errorf("a connection did not stay open: %w", err)
	}
	return float64(after-before) / float64(n), ctx.Err()
}
