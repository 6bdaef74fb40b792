package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// external is a server that is not ours: a URL at which the endpoints of the application are to be found, or some of them, and
// the command that starts it, if we are to.
type external struct {
	name, url, addr string
	tls             bool
	command         []string
}

// externalKey names an external server, or the one of that name that has TLS.
type externalKey struct {
	name string
	tls  bool
}

// external is the external server of that name, nil if there is none: of two the one without TLS.
func (c *comparison) external(name string) *external {
	if x := c.externals[externalKey{name, false}]; x != nil {
		return x
	}
	return c.externals[externalKey{name, true}]
}

// parseExternal reads NAME=URL or NAME=URL,COMMAND ARGUMENT...
func parseExternal(text string) (*external, error) {
	name, rest, ok := strings.Cut(text, "=")
	url, command, _ := strings.Cut(rest, ",")
	x := &external{name: name, url: strings.TrimSuffix(url, "/"), command: strings.Fields(command)}
	if !ok || name == "" {
		return nil, usageError("-external %q: want NAME=URL or NAME=URL,COMMAND", text)
	}
	r, err := newRequest("GET", x.url+"/", nil, nil)
	if err != nil {
		return nil, usageError("-external %s: %v", name, err)
	}
	x.addr, x.tls = r.addr, r.tls != nil
	if len(x.command) > 0 {
		if _, err := exec.LookPath(x.command[0]); err != nil {
			return nil, usageError("-external %s: %v", name, err)
		}
	}
	return x, nil
}

// start runs the command on the given CPUs if there are any, and waits until the server accepts connections. The command must
// stay in the foreground: what it starts is measured with it and ended with it.
func (x *external) start(ctx context.Context, procs int, cpus []int, timeout time.Duration) (*child, error) {
	c := &child{name: x.name, url: x.url, addr: x.addr, ended: make(chan struct{}), external: true}
	if len(x.command) == 0 {
		close(c.ended)
		if err := reach(ctx, x.addr, time.Second); err != nil {
			return nil, fmt.Errorf("%s: %w", x.name, err)
		}
		return c, nil
	}
	if conn, err := net.DialTimeout("tcp", x.addr, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("%s: something serves %s already", x.name, x.addr)
	}
	c.cmd = exec.Command(x.command[0], x.command[1:]...)
	c.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	ownGroup(c.cmd)
	if err := startOn(c.cmd, cpus); err != nil {
		return nil, fmt.Errorf("start %s: %w", x.name, err)
	}
	go func() {
		c.cmd.Wait()
		close(c.ended)
	}()
	if err := c.await(ctx, timeout); err != nil {
		defer c.stop()
		return nil, fmt.Errorf("%s did not start: %s", x.name, c.lastWords(err))
	}
	return c, nil
}

// await waits until the server accepts connections or its command has ended.
func (c *child) await(ctx context.Context, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		err := reach(ctx, c.addr, time.Second)
		select {
		case <-c.ended:
			return errors.New("its command has ended; it must stay in the foreground")
		default:
		}
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func reach(ctx context.Context, addr string, timeout time.Duration) error {
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err
}
