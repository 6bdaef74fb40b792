package load

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// Run is one load on one server: connections are opened, run unmeasured for warmup, then measured for duration.
type Run struct {
	Addr     string
	Groups   []*Group
	Warmup   time.Duration
	Duration time.Duration
	Timeout  time.Duration // for a connect, and for a response
	Loops    int           // event loops to drive the connections with, where there are any
	portable bool          // a goroutine for each connection even where there are loops

	// Begin and end are called around the measured part, close to its edges. May be nil.
	Begin, End func()
	// Progress is called a few times a second while load runs. May be nil.
	Progress func(measured time.Duration, requests, failed uint64)

	ctx     context.Context // ends with the run
	origin  time.Time
	drains  bool // there are publishers: what is on its way when the measured part ends has to arrive yet
	phase   atomic.Int32
	from    atomic.Int64  // when the measured part began, in nanoseconds of the run
	until   atomic.Int64  // when it ended; 0 before that
	down    atomic.Int32  // connections that could not be opened again
	allDown chan struct{} // closed when that is all of them
}

const (
	phaseWarm int32 = iota
	phaseMeasure
	phaseDrain
	phaseOver
)

// now is the clock of the run in nanoseconds.
func (r *Run) now() int64 { return int64(time.Since(r.origin)) }

func (r *Run) counts() bool { return r.phase.Load() == phaseMeasure }

func (r *Run) over() bool { return r.phase.Load() == phaseOver }

// unanswered notes a request of an open loop, due at started, that the end of the run leaves unanswered.
func (r *Run) unanswered(t *Tally, started int64) {
	if until := r.until.Load(); started < until && started >= r.from.Load() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.lateBy(until-started, 1)
	}
}

// leave notes that c is at the end of the run, perhaps with a request that is not answered.
func (r *Run) leave(c *client) {
	if c.pending == 0 {
		return
	}
	if c.group.schedule != nil {
		r.unanswered(c.tally, c.started)
	}
	if wait := time.Duration(r.until.Load() - c.sent); wait >= forgottenLeast {
		c.tally.mu.Lock()
		defer c.tally.mu.Unlock()
		c.tally.waiting = append(c.tally.waiting, wait)
	}
}

// slot is one connection to be driven: the n-th of its group.
type slot struct {
	group, n int
	conn     net.Conn // nil where there is to be a connection for every request
}

func (s slot) close() {
	if s.conn != nil {
		s.conn.Close()
	}
}

// driver moves the bytes of some connections until the run is over, and closes them.
type driver interface {
	drive()
	// tick is called about ten times a second while drive runs, and after the run is over. Any goroutine.
	tick()
	tallies() []*Tally
}

const (
	tickEvery   = 100 * time.Millisecond
	dialersMax  = 32
	redialPause = 20 * time.Millisecond
)

// Do runs the load. An error means that nothing was measured; what went wrong with responses is in the outcome.
func (r *Run) Do(ctx context.Context) (*Outcome, error) {
	r.origin = time.Now()
	r.allDown = make(chan struct{})
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	slots, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	drivers, err := r.drivers(slots)
	if err != nil {
		for _, s := range slots {
			s.close()
		}
		return nil, err
	}
	for i, t := range r.topics() {
		if t != nil {
			t.reset(r.Groups[i].Conns)
		}
	}
	for _, g := range r.Groups {
		g.schedule = nil
		if g.Rate > 0 {
			g.schedule = newSchedule(g.Rate, r.now(), &r.from)
		}
	}
	var wg sync.WaitGroup
	for _, d := range drivers {
		wg.Go(d.drive)
	}

	publishers := r.publishing()
	out := &Outcome{}
	var from, end int64
	out.Interrupted, out.Gone = r.wait(ctx, r.Warmup, drivers, time.Time{})
	if !out.Interrupted && !out.Gone {
		cpu0, _ := process.OwnUsage()
		if r.Begin != nil {
			r.Begin()
		}
		start := time.Now()
		from = r.now()
		r.from.Store(from)
		r.phase.Store(phaseMeasure)
		out.Interrupted, out.Gone = r.wait(ctx, r.Duration, drivers, start)
		end = r.now()
		r.until.Store(end)
		if r.drains && !out.Interrupted && !out.Gone {
			r.phase.Store(phaseDrain)
		} else {
			r.phase.Store(phaseOver)
		}
		out.Elapsed = time.Since(start)
		if r.End != nil {
			r.End()
		}
		cpu1, err := process.OwnUsage()
		out.OwnCPU = cpu1.Minus(cpu0)
		out.OwnCPU.Known = err == nil
	}
	if r.phase.Load() == phaseDrain {
		publishers.Wait()
	}
	r.phase.Store(phaseOver)
	cancel()
	publishers.Wait()
	for _, d := range drivers {
		d.tick()
	}
	wg.Wait()
	for range r.Groups {
		out.Groups = append(out.Groups, NewTally())
	}
	for _, d := range drivers {
		for i, t := range d.tallies() {
			out.Groups[i].Add(t)
		}
	}
	for i, t := range r.topics() {
		if t != nil {
			out.Groups[i].Add(t.tally)
		}
	}
	out.due, out.behind = make([]int64, len(r.Groups)), make([]time.Duration, len(r.Groups))
	for i, g := range r.Groups {
		out.Groups[i].failForgotten()
		if g.schedule != nil && end > from {
			g.schedule.left(out.Groups[i], from, end)
			out.due[i] = g.schedule.between(from, end)
			out.behind[i] = time.Duration(end - max(from, g.schedule.met.Load()))
		}
	}
	return out, nil
}

// wait lets d pass, with ticks.
func (r *Run) wait(ctx context.Context, d time.Duration, drivers []driver, measured time.Time) (interrupted, gone bool) {
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-end.C:
			return false, false
		case <-ctx.Done():
			return true, false
		case <-r.allDown:
			return false, true
		case <-tick.C:
		}
		var requests, failed uint64
		for _, dr := range drivers {
			dr.tick()
			for _, t := range dr.tallies() {
				n, f := t.soFar()
				requests, failed = requests+n, failed+f
			}
		}
		if r.Progress != nil {
			var since time.Duration
			if !measured.IsZero() {
				since = time.Since(measured)
			}
			r.Progress(since, requests, failed)
		}
	}
}

// open connects all slots, the groups interleaved so that each loop gets its share of each.
func (r *Run) open(ctx context.Context) ([]slot, error) {
	var slots []slot
	for i, more := 0, true; more; i++ {
		more = false
		for g, gr := range r.Groups {
			if i < gr.Conns {
				slots = append(slots, slot{group: g, n: i})
				more = true
			}
		}
	}
	err := inParallel(len(slots), dialersMax, func(i int) (err error) {
		if !r.Groups[slots[i].group].Close {
			slots[i].conn, err = r.dial(ctx, r.Groups[slots[i].group])
		}
		return err
	})
	if err != nil {
		for _, s := range slots {
			s.close()
		}
		return nil, err
	}
	return slots, nil
}

// dial opens a connection of a group: over TLS, and for a WebSocket with the opening handshake, if that is how it is to be.
func (r *Run) dial(ctx context.Context, g *Group) (net.Conn, error) {
	if req := g.Requests[0]; req.socket != nil {
		return r.dialSocket(ctx, req, nil)
	}
	return g.Requests[0].dial(ctx, r.Timeout)
}

// lostForGood notes that a connection could not be opened again. A server that is gone is not asked a second time:
// its absence is a result.
func (r *Run) lostForGood(t *Tally, err error) {
	if r.over() {
		return
	}
	t.lockedFail("connect: "+kindOf(err), "%v", err)
	total := 0
	for _, g := range r.Groups {
		total += g.Conns
	}
	if int(r.down.Add(1)) == total {
		close(r.allDown)
	}
}

// drivers makes what moves the bytes: loops, where there are any and what is asked for can be done without blocking, which
// crypto/tls's handshakes cannot.
func (r *Run) drivers(slots []slot) ([]driver, error) {
	handshakes := slices.ContainsFunc(r.Groups, func(g *Group) bool { return g.Close && g.Requests[0].TLS != nil })
	if !r.portable && !handshakes {
		ds, err := newLoops(r, slots)
		if !errors.Is(err, errNoLoops) {
			return ds, err
		}
	}
	return []driver{newGoroutines(r, slots)}, nil
}

// errNoLoops says that this system has no event loops for us.
var errNoLoops = errors.New("no event loops on this system")

// inParallel calls f for 0 to n-1 on at most width goroutines and returns the first error.
func inParallel(n, width int, f func(int) error) error {
	var (
		next  atomic.Int64
		wg    sync.WaitGroup
		once  sync.Once
		first error
	)
	for range min(n, width) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					once.Do(func() { first = err })
					next.Store(int64(n))
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}
