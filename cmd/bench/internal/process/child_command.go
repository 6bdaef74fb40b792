package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// Running is a server that runs already and is not ours to end: nothing is known of its process.
func Running(name, url, addr string) *Child {
	c := &Child{Name: name, URL: url, Addr: addr, ended: make(chan struct{}), external: true}
	close(c.ended)
	return c
}

// StartCommand starts another program's server, with GOMAXPROCS=procs, on the given CPUs if there are any, and waits until it
// accepts connections at addr. The command must stay in the foreground: what it starts is measured with it and ended with it.
func StartCommand(ctx context.Context, name, url, addr string, command []string, procs int, cpus []int) (*Child, error) {
	if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("%s: something serves %s already", name, addr)
	}
	c := &Child{Name: name, URL: url, Addr: addr, ended: make(chan struct{}), external: true}
	c.cmd = exec.Command(command[0], command[1:]...)
	c.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	ownGroup(c.cmd)
	if err := StartOn(c.cmd, cpus); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		c.cmd.Wait()
		close(c.ended)
	}()
	c.unguard = guard(c.cmd)
	if err := c.await(ctx, startTimeout); err != nil {
		defer c.Stop()
		return nil, fmt.Errorf("%s did not start: %s", name, c.LastWords(err))
	}
	return c, nil
}

// await waits until the server accepts connections, its command has ended, or the time is over.
func (c *Child) await(ctx context.Context, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		err := Reach(ctx, c.Addr, time.Second)
		select {
		case <-c.ended:
			return ErrBackground
		default:
		}
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("it has not been reached in %v: %w", timeout, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ErrBackground says why another's server cannot be measured any more, even if one answers at its address.
var ErrBackground = errors.New("its command has ended; it must stay in the foreground")

// Reach reports whether a server accepts connections: nil if it does.
func Reach(ctx context.Context, addr string, timeout time.Duration) error {
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err
}
