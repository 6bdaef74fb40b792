package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Child is a server in a process of its own: this program again, as serve, or what another one's command has started. One of
// ours ends when its standard input does, so it does not outlive us, however we end. Its methods are for one goroutine at a
// time, Kill for any.
type Child struct {
	Name string
	URL  string    // what URLs of it begin with
	Addr string    // host:port
	cmd  *exec.Cmd // nil: it runs already, and it is not ours to end
	in   io.WriteCloser
	pipe *os.File      // the other end is its standard output
	out  *bufio.Reader // reads pipe
	said tail          // its standard error

	unguard func() // of another's command: ends what would end it after us

	ended chan struct{} // closed when the process has ended and said is complete

	external bool // not this program: it takes no commands
}

const (
	startTimeout = 10 * time.Second
	stopTimeout  = 5 * time.Second
	// dyingTimeout bounds how long a server that does not answer is given to end and say why.
	dyingTimeout = time.Second
	// replyTimeout bounds how long one of ours may take to collect its garbage.
	replyTimeout = 30 * time.Second
)

// Start starts this program again with args, which are those of serve with -control, as name: with GOMAXPROCS=procs, on the
// given CPUs if there are any. It returns when the server accepts connections.
func Start(ctx context.Context, name, scheme string, args []string, procs int, cpus []int) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &Child{Name: name, cmd: exec.Command(self, args...), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
	c.cmd.Stderr = &c.said
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stdout = w
	c.pipe, c.out = out, bufio.NewReader(out)
	err = StartOn(c.cmd, cpus)
	w.Close()
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		c.cmd.Wait()
		close(c.ended)
	}()
	hurry := time.AfterFunc(startTimeout, func() { c.cmd.Process.Kill() })
	abandon := context.AfterFunc(ctx, func() { c.in.Close() }) // not by a kill: it has files to remove
	line, err := c.out.ReadString('\n')
	hurry.Stop()
	if !abandon() {
		c.Stop()
		return nil, ctx.Err()
	}
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), Listening)
	if err != nil || !ok {
		c.Kill()
		defer c.Stop()
		return nil, fmt.Errorf("%s did not start: %s", name, c.LastWords(err))
	}
	c.Addr, c.URL = addr, scheme+"://"+addr
	return c, nil
}

// Stop ends the child and waits for it.
func (c *Child) Stop() {
	if c.external {
		if c.cmd == nil {
			return
		}
		endGroup(c.cmd, false)
		select {
		case <-c.ended:
		case <-time.After(stopTimeout):
		}
		endGroup(c.cmd, true) // also what has outlived the command
		<-c.ended
		c.unguard()
		return
	}
	c.in.Close()
	kill := time.AfterFunc(stopTimeout, func() { c.cmd.Process.Kill() })
	defer kill.Stop()
	<-c.ended
	c.pipe.Close()
	removeTempDirs(c.cmd.Process.Pid)
}

// Kill ends the child at once and waits for it. It is still to be stopped.
func (c *Child) Kill() {
	c.cmd.Process.Kill()
	<-c.ended
}

// Gone reports whether the child's process has ended.
func (c *Child) Gone() bool {
	select {
	case <-c.ended:
		return c.cmd != nil
	default:
		return false
	}
}

// State is what the child has used so far.
func (c *Child) State() (s State, err error) {
	if c.cmd == nil {
		return s, ErrUnmeasured
	}
	s, err = StateOf(c.cmd.Process.Pid)
	if !errors.Is(err, ErrUnmeasured) || c.external {
		return s, err
	}
	reply, err := c.ask("usage")
	if err != nil {
		return s, err
	}
	if _, err := fmt.Sscanf(reply, "usage %d %d %d", &s.CPU.Sum, &s.CPU.user, &s.CPU.system); err != nil {
		return s, ErrUnmeasured
	}
	s.CPU.Known = true
	return s, nil
}

// Resident is the child's resident memory in bytes. One of ours collects its garbage before: so it is what it holds, not what it
// has not yet cleared away.
func (c *Child) Resident() (int64, error) {
	if !c.external {
		if _, err := c.ask("free"); err != nil {
			return 0, err
		}
	}
	return c.ResidentNow()
}

// ResidentNow is the resident memory as it is, in bytes; ErrUnmeasured where that is not known.
func (c *Child) ResidentNow() (int64, error) {
	if c.cmd == nil {
		return 0, ErrUnmeasured
	}
	return memoryOf(c.cmd.Process.Pid)
}

func (c *Child) ask(command string) (string, error) {
	c.pipe.SetReadDeadline(time.Now().Add(replyTimeout)) // where pipes have none, it waits
	if _, err := io.WriteString(c.in, command+"\n"); err != nil {
		return "", fmt.Errorf("%s is gone: %s", c.Name, c.LastWords(err))
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s is gone: %s", c.Name, c.LastWords(err))
	}
	return strings.TrimSpace(line), nil
}

// LastWords is err and what a child that fails wrote to standard error. The end of its standard output is no error worth telling
// where it has said more.
func (c *Child) LastWords(err error) string {
	select {
	case <-c.ended:
	case <-time.After(dyingTimeout):
	}
	switch s := strings.TrimSpace(c.said.String()); {
	case s == "":
		return fmt.Sprint(err)
	case err == nil || err == io.EOF:
		return s
	default:
		return fmt.Sprintf("%v; it said: %s", err, s)
	}
}
