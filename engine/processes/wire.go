package processes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

// message is one line from a worker, or from a master that takes over, to its master.
type message struct {
	Ready    bool      `json:",omitempty"` // sent once
	Counters *Counters `json:",omitempty"` // a sign of life
	Memory   uint64    `json:",omitempty"` // bytes, beside Counters
	Lost     uint64    `json:",omitempty"` // broadcasts that could not be sent, beside Counters
	Profile  *profile  `json:",omitempty"`
	Leaving  bool      `json:",omitempty"` // somebody else than the master has had it drain
	Failed   string    `json:",omitempty"` // why the process is going to end
}

// Commands of a master, one a line.
const (
	commandDrain  = "drain"
	commandCut    = "cut"
	commandDump   = "dump"
	commandReopen = "reopen"
)

// mouth sends messages, from any goroutine. The pipe's other end may be gone: nobody has to know.
type mouth struct {
	mu sync.Mutex
	to *os.File
}

func (m *mouth) say(msg message) {
	if m == nil {
		return
	}
	line, err := json.Marshal(msg)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to.Write(append(line, '\n'))
}

// hear reads messages until the pipe ends. What is no message ends it too: nobody else writes there.
func hear(from io.Reader, f func(message)) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, messageMax)
	for lines.Scan() {
		var msg message
		if json.Unmarshal(lines.Bytes(), &msg) != nil {
			return
		}
		f(msg)
	}
}

// obey calls f for each command until the pipe ends.
func obey(from io.Reader, f func(command string)) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		f(lines.Text())
	}
}

// order sends a command. It waits at most commandTimeout, for a process that does not read.
func order(to *os.File, command string) error {
	to.SetWriteDeadline(time.Now().Add(commandTimeout))
	_, err := io.WriteString(to, command+"\n")
	return err
}

// dumpStacks writes the stacks of all goroutines to standard error, in one piece.
func dumpStacks(who string) {
	stacks := make([]byte, 1<<20)
	for {
		n := runtime.Stack(stacks, true)
		if n < len(stacks) || n >= dumpMax {
			stacks = stacks[:n]
			break
		}
		stacks = make([]byte, 2*n)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "stacks of %s, process %d:\n\n%s\n", who, os.Getpid(), stacks)
	io.WriteString(os.Stderr, b.String())
}
