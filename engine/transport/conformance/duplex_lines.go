package conformance

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// command answers a line. One whose name begins with "!" is a handler: it runs between Begin and End and may wait.
type command func(l *lines, t *transport.Turn) string

// linesHigh is the output, in bytes, above which lines does not read.
const linesHigh = 64 << 10

// lines is a protocol: a line is answered with itself in angle brackets, or by a command. What is said, by Run or by
// anybody else, goes through one queue, which is corked while Run runs on a loop.
type lines struct {
	transport.Conn
	on    map[string]command
	token string

	asked, seen    atomic.Int64 // Notify: what the next Run is to see, and what the last one saw
	running        atomic.Int32
	hungUp         atomic.Bool
	lents, expired atomic.Int64

	mu      sync.Mutex // guards the following
	declare bool       // SetDuplex has been called: before it nothing is sent
	queue   []byte
	most    int  // bytes that ever stood in queue
	full    bool // until Writable
	corked  bool
	paused  bool // Run has returned Write
	leaving bool // to close when queue is empty
	drains  int
	stays   bool  // after Drain
	failed  error // of TryWrite
	ended   bool
	faults  []string

	closed chan struct{}
	err    error // of Closed
}

func newLines(c transport.Conn, on map[string]command) *lines {
	return &lines{Conn: c, on: on, closed: make(chan struct{})}
}

// fault is called with mu held.
func (l *lines) fault(format string, args ...any) {
	buf := make([]byte, 4<<10)
	l.faults = append(l.faults, fmt.Sprintf(format, args...)+"\n"+string(buf[:runtime.Stack(buf, false)]))
}

// told checks that nothing comes after Ending, with mu held.
func (l *lines) told(what string) {
	if l.ended {
		l.fault("%s after Ending", what)
	}
}

// say sends text, from any goroutine. It reports false if the connection has ended or is about to.
func (l *lines) say(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.leaving && l.put(text)
}

// put is called with mu held.
func (l *lines) put(text string) bool {
	if l.ended || l.failed != nil {
		return false
	}
	l.queue = append(l.queue, text...)
	if !l.corked {
		l.flush()
	}
	return true
}

// flush is called with mu held, before Ending.
func (l *lines) flush() {
	l.most = max(l.most, len(l.queue))
	if !l.declare || l.full || len(l.queue) == 0 || l.failed != nil {
		return
	}
	// In several pieces, some of them empty, and more than a kernel takes at once.
	var pieces [][]byte
	for i, rest := 0, l.queue; len(rest) > 0; i++ {
		n := min(len(rest), i%3*(1+len(l.queue)/40))
		pieces = append(pieces, rest[:n])
		rest = rest[n:]
	}
	n, err := l.TryWrite(pieces)
	switch {
	case err != nil:
		l.failed = err
		l.queue = nil
	case n < len(l.queue):
		l.full = true
		l.queue = l.queue[n:]
	default:
		l.queue = nil
	}
	if l.paused && len(l.queue) == 0 {
		l.paused = false
		l.Notify()
	}
}

// calledAfter notifies and waits for the Run that sees n.
func (l *lines) calledAfter(n int64) error {
	l.whileOpen(l.Notify)
	return l.await(n)
}

// whileOpen calls a method of the connection, unless that has ended: it is then another's.
func (l *lines) whileOpen(method func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		method()
	}
}

func (l *lines) await(n int64) error {
	for start := time.Now(); l.seen.Load() < n; time.Sleep(50 * time.Microsecond) {
		if time.Since(start) > patience {
			return fmt.Errorf("no Run after Notify")
		}
	}
	return nil
}

// Run implements transport.Session.
func (l *lines) Run(t *transport.Turn) (next transport.Next) {
	if l.running.Add(1) != 1 {
		l.mu.Lock()
		l.fault("Run during another Run")
		l.mu.Unlock()
	}
	defer l.running.Add(-1)
	l.seen.Store(l.asked.Load())
	l.mu.Lock()
	l.told("Run")
	if len(t.Out) > 0 {
		l.fault("output stands before Run")
	}
	l.declare, l.corked, l.paused = true, true, false
	l.mu.Unlock()
	next, done := l.read(t)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.told("the end of Run")
	l.corked = false
	l.flush()
	switch {
	case done && next != transport.Close:
		return next
	case l.failed != nil:
		return transport.Close
	case t.EOF && next != transport.Own || l.leaving || next == transport.Close:
		if len(l.queue) == 0 {
			return transport.Close
		}
		l.leaving, l.paused = true, true
		return transport.Write
	case len(l.queue) > linesHigh:
		l.paused = true
		return transport.Write
	}
	return next
}

// read answers what is in t.In. done: next is what is wanted, whatever else there is.
func (l *lines) read(t *transport.Turn) (next transport.Next, done bool) {
	for {
		line, rest, whole := bytes.Cut(t.In, []byte("\n"))
		if !whole {
			return transport.Read, false
		}
		name := string(line)
		do := l.on[name]
		switch {
		case do == nil && name == "quit":
			t.In = rest
			return transport.Close, true
		case do == nil:
			t.In = rest
			l.answer("<" + name + ">")
		case strings.HasPrefix(name, "!"):
			if !l.Begin(t, []byte("LINE"), line) {
				return transport.Own, true
			}
			t.In = rest
			lent, ok := l.handle(do, t)
			switch {
			case !ok:
				return transport.Abort, true
			case lent:
				return transport.Read, len(t.In) > 0
			}
		default:
			t.In = rest
			l.answer(do(l, t))
		}
	}
}

func (l *lines) answer(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text != "" {
		l.put(text + "\n")
	}
}

func (l *lines) handle(do command, t *transport.Turn) (lent, ok bool) {
	defer func() {
		recover()
		lent = l.End(t)
	}()
	l.answer(do(l, t))
	return false, true
}

// Expire implements transport.Session: a paused connection ends.
func (l *lines) Expire(*transport.Turn) transport.Next {
	l.expired.Add(1)
	l.mu.Lock()
	paused := l.paused
	l.told("Expire")
	l.mu.Unlock()
	if paused {
		return transport.Close
	}
	l.say("expired\n")
	return transport.Read
}

// Idle implements transport.Session.
func (l *lines) Idle() bool { return false }

// HangUp implements transport.Session.
func (l *lines) HangUp(bool) { l.hungUp.Store(true) }

// Closed implements transport.Session.
func (l *lines) Closed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.declare && !l.ended {
		l.fault("Closed before Ending")
	}
	l.err = err
	close(l.closed) // twice panics
}

// Writable implements transport.Duplex.
func (l *lines) Writable() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told("Writable")
	l.full = false
	if !l.corked {
		l.flush()
	}
}

// Lent implements transport.Duplex.
func (l *lines) Lent() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told("Lent")
	l.lents.Add(1)
	l.corked = false
	l.flush()
}

// Drain implements transport.Duplex.
func (l *lines) Drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told("Drain")
	if l.drains++; !l.stays && !l.leaving {
		l.leaving = true
		l.Notify()
	}
}

// Ending implements transport.Duplex.
func (l *lines) Ending() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told("Ending")
	l.ended = true
}

// state reads under the lock.
func (l *lines) state(what func() bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return what()
}

// much is more than a connection's two kernels keep for a peer that does not read: 16 MB, the same each time.
var much = sync.OnceValue(func() string { return strings.Repeat(pattern(1<<20+7), 16) })
