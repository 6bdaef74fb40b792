package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
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
		case errors.As(err, new(*refused)) && ch.external:
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

	conns := make([]net.Conn, n)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				dropAtClose(conn)
				conn.Close()
			}
		}
	}()
	say("%d idle connections: opening", n)
	err = inParallel(n, dialersMax, func(i int) (err error) {
		if conns[i], err = req.dial(ctx, timeout); err != nil {
			return fmt.Errorf("connection %d of %d: %w", i+1, n, err)
		}
		if req.socket != nil {
			if err := req.socket.open(conns[i], timeout); err != nil {
				return fmt.Errorf("connection %d of %d: %w", i+1, n, err)
			}
		}
		return ask(conns[i], req, timeout)
	})
	if err != nil {
		return 0, err
	}
	say("%d idle connections: settling", n)
	if err := sleepFor(ctx, idleSettle); err != nil {
		return 0, err
	}
	after, err := c.resident()
	if err != nil {
		return 0, err
	}
	say("%d idle connections: asking each again", n)
	err = inParallel(n, dialersMax, func(i int) error { return ask(conns[i], req, timeout) })
	if err != nil {
		return 0, fmt.Errorf("a connection did not stay open: %w", err)
	}
	return float64(after-before) / float64(n), ctx.Err()
}

// ask makes one request on conn and checks its response.
func ask(conn net.Conn, r *request, timeout time.Duration) error {
	if r.socket != nil {
		return r.socket.ask(conn, timeout)
	}
	conn.SetDeadline(time.Now().Add(timeout))
	if _, err := conn.Write(r.wire); err != nil {
		return err
	}
	k := checker{want: &r.want, memo: &memo{}}
	buf := make([]byte, 4<<10)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			switch m, done := k.feed(buf[:n]); {
			case done && k.result.kind != "":
				return fmt.Errorf("%s: %s", k.result.kind, k.result.detail)
			case done && m < n:
				return fmt.Errorf("bytes that answer no request: %q", cut(buf[m:n]))
			case done && k.close:
				return fmt.Errorf("the server closes the connection")
			case done:
				return nil
			}
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
}

// sleepFor waits, or returns the context's error when it is over before.
func sleepFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
