package netio

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Sim is a pretend kernel with a pretend network, for tests only: no program that serves links it in.
//
// A server runs on it as on System's. The test is its clients (Dial) and its time: each Step lets the network do one
// thing, chosen by the seed. In a bubble of testing/synctest the server is let run between the steps until all of it is
// blocked, so that a seed is a whole run, again and again:
//
//	for sim.Step() {
//		synctest.Wait()
//	}
//
// A server that waits on timers needs a time.Sleep of the test besides; there it costs nothing. Only a parked Wait blocks,
// on a channel made by NewPoller, which must be called inside the bubble.
//
// Faults says how often calls do what kernels may do but seldom do. Every outcome is one that Linux allows, except stale
// events, which it makes only when descriptors are duplicated. What the server must never do is kept in Violations.
//
// Invariant: a fault never loses news. What is held back (the rest of a cut read, room for a write) is announced by a new
// edge of a later step; so a server that stops although the network is done (Step is false) has lost an edge itself.
type Sim struct {
	// Logf, if set before the first call, is told every call and step: to look at a seed that failed.
	Logf func(format string, args ...any)

	mu         sync.Mutex // never held while blocked
	seed       uint64
	faults     Faults
	files      []any      // by descriptor - simFirstFD: *simListener, *simConn, *simPoller, *simFile or nil
	conns      []*simConn // all, by number
	live       []*simConn // those with which the network may have something to do
	listeners  []*simListener
	pollers    []*simPoller
	made       uint64 // pollers so far
	stepped    uint64 // steps so far
	steps      stream
	polls      stream
	trace      uint64 // of the steps
	violations []string
}

// Faults are probabilities: 0 never, 1 always.
type Faults struct {
	ReadShort    float64 // of a read: it returns fewer bytes than there are; the rest arrives later
	ReadAgain    float64 // of a read: ErrAgain although an edge was reported; the bytes arrive later
	WritePart    float64 // of a write: it takes only a part, at times 1 byte
	WriteAgain   float64 // of a write: ErrAgain although there is room; an Out edge follows
	Exhausted    float64 // of an accept: ErrExhausted until a later step
	Aborted      float64 // of an accept: ErrAborted, and the connection is gone
	Reset        float64 // of a step: it resets a connection, for both sides
	Spurious     float64 // of a step: besides, an edge without news
	Stale        float64 // of a step: besides, an event with the data of a descriptor closed or removed before
	Reorder      float64 // of a Wait: its events come in another order
	SmallBuffers float64 // of a connection: buffers of a few bytes instead of 64 KiB
	SmallPieces  float64 // of a delivery: it is cut
	NewPoller    float64 // of a NewPoller: ErrExhausted
}

// DefaultFaults is a bad day. NewPoller never fails on it.
func DefaultFaults() Faults {
	return Faults{
		ReadShort: 0.2, ReadAgain: 0.05, WritePart: 0.2, WriteAgain: 0.1, Exhausted: 0.05, Aborted: 0.02,
		Reset: 0.002, Spurious: 0.05, Stale: 0.05, Reorder: 0.3, SmallBuffers: 0.5, SmallPieces: 0.5,
	}
}

const (
	// simFirstFD is above the descriptors a test process has: a real one that gets mixed in is a violation.
	simFirstFD = 1000
	// simSpinMax bounds how often a server may ask again while neither a step nor time has passed: in a bubble, time
	// stands still as long as anybody runs. More than that is a busy loop.
	simSpinMax = 10_000
	// simBacklog bounds a listener's queue; further handshakes wait.
	simBacklog = 128
	simBuffer  = 64 << 10 // bytes, each of a connection's buffers, unless small
	// simStaleMax bounds what a poller remembers of closed descriptors.
	simStaleMax = 8
)

var (
	errSimInvalid = errors.New("netio: sim: invalid argument")
	errSimWatched = errors.New("netio: sim: descriptor is watched already")
	errSimUnknown = errors.New("netio: sim: descriptor is not watched")
)

var _ Kernel = (*Sim)(nil)

// NewSim makes a pretend kernel. The same seed, faults and behaviour of clients and server give the same run.
func NewSim(seed uint64, faults Faults) *Sim {
	return &Sim{
		seed: seed, faults: faults,
		steps: newStream(seed, forSteps, 0), polls: newStream(seed, forPollers, 0),
	}
}

// Violations lists the server's misuse so far: calls on descriptors that are closed or not its own, double Add, busy loops.
func (s *Sim) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// OpenFDs lists the descriptors that have not been closed, of pollers and files too. A server that has ended leaves the
// listeners only.
func (s *Sim) OpenFDs() (fds []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.files {
		if f != nil {
			fds = append(fds, simFirstFD+i)
		}
	}
	return fds
}

// Trace sums up the run so far: the steps in order, and for each connection its calls and their results in order. How
// calls on different connections interleave does not change it.
func (s *Sim) Trace() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.trace
	for _, c := range s.conns {
		sum = mix(sum ^ c.trace)
	}
	return sum
}

// Listen opens a listening socket, as a server's owner would before the server starts.
func (s *Sim) Listen() (fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &simListener{accepts: newStream(s.seed, forAccepts, uint64(len(s.listeners)))}
	l.fd = s.install(l)
	s.listeners = append(s.listeners, l)
	return l.fd
}

// File opens a file with this content, for SendFile, which takes descriptors of real files too.
func (s *Sim) File(content []byte) (fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.install(&simFile{left: slices.Clone(content)})
}

type simFile struct{ left []byte }

// install gives f the lowest free number, as Unix does: numbers are used again at once.
func (s *Sim) install(f any) int {
	i := slices.Index(s.files, nil)
	if i < 0 {
		i = len(s.files)
		s.files = append(s.files, nil)
	}
	s.files[i] = f
	return simFirstFD + i
}

func (s *Sim) file(fd int) any {
	if i := fd - simFirstFD; i >= 0 && i < len(s.files) {
		return s.files[i]
	}
	return nil
}

// connOf finds the connection that a call is about.
func (s *Sim) connOf(fd int, call string) (*simConn, error) {
	c, ok := s.file(fd).(*simConn)
	if !ok {
		return nil, s.violate("%s: descriptor %d is not an open connection", call, fd)
	}
	return c, nil
}

func (s *Sim) violate(format string, args ...any) error {
	v := fmt.Sprintf(format, args...)
	s.violations = append(s.violations, v)
	s.logf("VIOLATION %s", v)
	return ErrClosed
}

func (s *Sim) logf(format string, args ...any) {
	if s.Logf != nil {
		s.Logf(format, args...)
	}
}

// simSpin finds busy loops.
type simSpin struct {
	step  uint64
	at    time.Time
	turns int
}

// turn counts one more call that brings nothing new, and reports whether there have been too many.
func (b *simSpin) turn(s *Sim, call string, fd int) bool {
	if now := time.Now(); b.step != s.stepped || !b.at.Equal(now) {
		*b = simSpin{step: s.stepped, at: now}
	}
	b.turns++
	if b.turns == simSpinMax {
		s.violate("%s: busy loop on %d, %d calls while nothing has happened", call, fd, b.turns)
	}
	return b.turns >= simSpinMax
}

// Accept is Kernel's.
func (s *Sim) Accept(fd int) (int, netip.AddrPort, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.file(fd).(*simListener)
	if !ok {
		return -1, netip.AddrPort{}, s.violate("Accept: descriptor %d is not a listener", fd)
	}
	c, err := l.accept(s)
	if err != nil {
		s.logf("accept: %v", err)
		return -1, netip.AddrPort{}, err
	}
	c.fd = s.install(c)
	c.phase = simAccepted
	s.note(c, "accept", 0, 0, nil)
	return c.fd, c.peer(), nil
}

// simListener is a listening socket.
type simListener struct {
	fd        int
	closed    bool
	queue     []*simConn // handshake done
	exhausted bool       // until a step
	accepts   stream
	watches   []*simWatch
	spin      simSpin
}

func (l *simListener) accept(s *Sim) (*simConn, error) {
	l.spin.turn(s, "Accept", l.fd)
	exhausted, aborted := l.accepts.chance(s.faults.Exhausted), l.accepts.chance(s.faults.Aborted)
	if exhausted {
		l.exhausted = true
	}
	if l.exhausted {
		return nil, ErrExhausted
	}
	if len(l.queue) == 0 {
		return nil, ErrAgain
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	if aborted {
		c.resetByNetwork(s)
		c.closed = true
		return nil, ErrAborted
	}
	return c, nil
}

func (l *simListener) ready() Flags {
	if len(l.queue) > 0 {
		return In
	}
	return 0
}

// Close is Kernel's.
func (s *Sim) Close(fd int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f := s.file(fd).(type) {
	case *simConn:
		f.close(s)
		s.unwatchAll(f.watches)
		f.watches, f.fd = nil, -1
	case *simListener:
		f.closed = true
		for _, c := range f.queue {
			c.resetByNetwork(s)
			c.closed = true
		}
		f.queue = nil
		s.unwatchAll(f.watches)
		f.watches = nil
	case *simFile:
	default:
		return s.violate("Close: descriptor %d is not open, or a poller's", fd)
	}
	s.files[fd-simFirstFD] = nil
	return nil
}

// note adds a call or a step to its connection's trace.
func (s *Sim) note(c *simConn, what string, asked, got int, err error) {
	h := mix(uint64(asked))
	for i := range len(what) {
		h = mix(h ^ uint64(what[i]))
	}
	h = mix(h ^ uint64(got))
	if err != nil {
		h = mix(h ^ uint64(len(err.Error())))
	}
	c.trace = mix(c.trace ^ h)
	s.logf("conn %d fd %d: %s %d = %d, %v", c.number, c.fd, what, asked, got, err)
}
