package processes

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// childState is what a process that the master has started is doing. Each line lists the exits.
//
//	starting  → serving | draining | killed
//	serving   → draining | hung
//	draining  → killed
//	hung      → killed. SIGQUIT has been sent, for its stacks
//	killed    SIGKILL has been sent
//
// From each of them it may end by itself.
type childState uint8

const (
	starting childState = iota
	serving
	draining
	hung
	killed
)

func (s childState) String() string {
	return [...]string{"starting", "ready", "draining", "hung", "killed"}[s]
}

// child is a worker process, or a master that is to take over. The master's loop owns it.
type child struct {
	identity
	cmd     *exec.Cmd
	down    *os.File
	state   childState
	started time.Time
	beat    time.Time // its last sign of life
	killAt  time.Time // when the state ends by SIGKILL, if not zero
	served  bool      // it has been ready
	told    string    // why it said that it was going to end

	counters Counters
	memory   uint64
	peer     *peer
	lost     uint64 // broadcasts that it could not send
}

// name is what logs call it.
func (c *child) name() string {
	if !c.Worker {
		return fmt.Sprintf("the new master (process %d)", c.pid())
	}
	return fmt.Sprintf("worker %d (process %d)", c.Index, c.pid())
}

// dropped is how many broadcasts have been dropped by it, or for it.
func (c *child) dropped() uint64 { return c.lost + c.peer.out.lost() }

func (c *child) pid() int { return c.cmd.Process.Pid }

// start starts a process with the given sockets, and has the loop hear of what it says and of its end.
func (m *master) start(id identity, program string, files []*os.File, names []string) (_ *child, err error) {
	defer func() {
		if errors.Is(err, syscall.EMFILE) {
			err = fmt.Errorf("%w: raise the limit of open files (ulimit -n, LimitNOFILE), or have fewer processes and addresses", err)
		}
		if err != nil {
			err = fmt.Errorf("processes: start %s: %w", program, err)
		}
	}()
	upRead, upWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer upWrite.Close()
	downRead, downWrite, err := os.Pipe()
	if err != nil {
		upRead.Close()
		return nil, err
	}
	defer downRead.Close()
	peer, radio, err := m.hub.connect()
	if err != nil {
		upRead.Close()
		downWrite.Close()
		return nil, err
	}
	defer radio.Close()
	id.Radio = true
	cmd := exec.Command(program)
	cmd.Args = os.Args
	cmd.Env = environment(id, names)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = append(append([]*os.File{}, files...), upWrite, downRead, radio)
	patience := m.o.ReadyTimeout
	if id.Worker {
		cmd.SysProcAttr = apart()
	} else {
		patience += drainSlack // it has the same patience with its workers, and then says what was wrong
	}
	if err := cmd.Start(); err != nil {
		upRead.Close()
		downWrite.Close()
		m.hub.remove(peer)
		return nil, err
	}
	now := time.Now()
	c := &child{identity: id, cmd: cmd, down: downWrite, peer: peer, started: now, beat: now, killAt: now.Add(patience)}
	m.children[c] = true
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		defer upRead.Close()
		hear(upRead, func(msg message) { m.post(func() { m.told(c, msg) }) })
	}()
	go func() {
		err := cmd.Wait() // reaps
		// Its last words come before its end. They are there already; a program that it has started may have its end of the
		// pipe, and of the socket, and go on.
		upRead.SetReadDeadline(time.Now().Add(commandTimeout))
		peer.out.conn.SetReadDeadline(time.Now().Add(commandTimeout))
		<-heard
		m.post(func() { m.ended(c, err) })
	}()
	return c, nil
}

// sameProgram is the file that this process runs, even if another one has taken its path by now: the successor of a worker
// that died must not be of another version.
func sameProgram() (string, error) {
	if runtime.GOOS == "linux" {
		const self = "/proc/self/exe"
		if _, err := os.Stat(self); err == nil {
			return self, nil
		}
	}
	return os.Executable()
}

// newProgram is what now stands where this program was started from.
func newProgram() (string, error) {
	if path, err := exec.LookPath(os.Args[0]); err == nil {
		return path, nil
	}
	return os.Executable()
}

// order sends a command. A process that does not read is found by its heartbeat.
func (m *master) order(c *child, command string) {
	if err := order(c.down, command); err != nil && c.state != killed {
		m.log.Warn("processes: no way to reach "+c.name(), "command", command, "error", err)
	}
}

// drain has a process finish what is running and end.
func (m *master) drain(c *child) {
	if c.state >= draining {
		return
	}
	if !c.Worker { // a master that has not got ready has nothing that runs
		m.signal(c, syscall.SIGTERM)
	}
	c.state, c.killAt = draining, m.drainEnd()
	m.order(c, commandDrain)
}

// drainEnd is when what now begins to drain is killed.
func (m *master) drainEnd() time.Time { return time.Now().Add(m.o.Linger + m.o.Grace + drainSlack) }

// cut has a process end now.
func (m *master) cut(c *child) {
	if c.state == killed {
		return
	}
	if !c.Worker {
		m.signal(c, syscall.SIGTERM)
	}
	c.state, c.killAt = draining, time.Now().Add(cutWait)
	m.order(c, commandCut)
}

// kill ends a process, by force.
func (m *master) kill(c *child) {
	c.state, c.killAt = killed, time.Time{}
	m.signal(c, syscall.SIGKILL)
}

func (m *master) signal(c *child, s os.Signal) {
	if err := c.cmd.Process.Signal(s); err != nil {
		m.log.Debug("processes: signal to "+c.name(), "signal", s, "error", err) // it has just ended
	}
}
