package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Waits of the idle scenario: until the warm-up's connections are gone, and until what a server does when a
// connection falls idle is done.
const (
	idleWarmup = 300 * time.Millisecond
	idleSettle = 700 * time.Millisecond
)

// idleRow measures memory, with a fresh process for each server: one that has worked has room left over from it. An external
// server cannot run twice on its address, so its process is replaced.
func (c *comparison) idleRow(ctx context.Context, s scenario, children []*child) error {
	title := "idle, %s connections"
	if s.sends > 0 {
		title = "idle, %s WebSockets"
	} else if s.tls {
		title += " over TLS"
	}
	r := newRow(s.name, fmt.Sprintf(title, thousands(uint64(c.idle))), rowIdle, len(c.servers))
	for i, name := range c.servers {
		r.left[i] = !c.offers(name, s)
	}
	c.rows = append(c.rows, r)
	for i, name := range c.servers {
		if r.left[i] {
			continue
		}
		c.step++
		c.line.note("[%d/%d] idle memory: %s", c.step, c.steps, name)
		ch, err := c.fresh(ctx, children, i, s.tls)
		if err != nil {
			return err
		}
		bytes, err := idleMemory(ctx, ch, s, c.idle, c.timeout, func(format string, args ...any) {
			c.line.show("[%d/%d] "+name+": "+format, append([]any{c.step, c.steps}, args...)...)
		})
		if ch != children[i] {
			ch.stop()
		}
		switch {
		case errors.Is(err, errUnmeasured):
			bytes = math.NaN()
		case ctx.Err() != nil:
			return errInterrupted
		case errors.As(err, new(*refused)) && c.external(name) != nil:
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
		one := noSample()
		one[idleBytes] = bytes
		r.rounds[i] = append(r.rounds[i], one)
	}
	return nil
}

// idleMemory is the resident memory of c in bytes for each of n idle connections that have made one checked
// request. They make another one at the end: a server that had dropped them would look thrifty.
func idleMemory(ctx context.Context, c *child, s scenario, n int, timeout time.Duration, say func(string, ...any)) (float64, error) {
	p := part{path: "/plaintext", body: plaintext}
	if len(s.parts) > 0 {
		p = s.parts[0]
	}
	req, err := s.request(p, c.url)
	if err != nil {
		return 0, err
	}
	warm := loadRun{addr: c.addr, groups: []*group{newGroup("", 64, 1, req)}, duration: idleWarmup, timeout: timeout, loops: 1}
	if out, err := warm.do(ctx); err != nil {
		return 0, err
	} else if err := out.problem(c.addr); err != nil && ctx.Err() == nil {
		return 0, err
	}
	if err := sleepFor(ctx, idleSettle); err != nil {
		return 0, err
	}
	before, err := c.resident()
	if err != nil {
		return 0, err
	}

	say("%d idle connections: opening", n)
	idle, err := openIdle(ctx, req, n, timeout)
	if err != nil {
		return 0, err
	}
	defer idle.close()
	say("%d idle connections: settling", n)
	if err := sleepFor(ctx, idleSettle); err != nil {
		return 0, err
	}
	after, err := c.resident()
	if err != nil {
		return 0, err
	}
	say("%d idle connections: asking each again", n)
	if err := idle.ask(); err != nil {
		return 0, fmt.Errorf("a connection did not stay open: %w", err)
	}
	return float64(after-before) / float64(n), ctx.Err()
}
