package epoll

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// errGoexit is why a connection ends whose handler ended its goroutine.
var errGoexit = errors.New("epoll: handler called runtime.Goexit")

// Runner is a running epoll transport: loops, their workers, and the monitor. It implements transport.Runner.
type Runner struct {
	o           transport.Options
	listener    net.Listener
	rawListener syscall.RawConn
	kernel      netio.Kernel
	real        bool // the kernel is the system's, so package net knows its descriptors

	loops   []*loop
	begun   atomic.Bool // loops may be read
	routes  routes
	loans   sync.Pool // of *loan
	monitor monitor
	spares  struct {
		sync.Mutex
		list   []*worker
		closed bool
	}

	reserve struct { // a descriptor for wrap
		sync.Mutex
		file *os.File
	}

	open        atomic.Int64 // open connections, one for Serve, and one for each loop that accepts
	scratchLent atomic.Int32
	taken       atomic.Uint64
	early       atomic.Bool // connections may wait that are older than the listener's options
	draining    atomic.Bool // close what becomes idle
	cutting     atomic.Bool // close what there is
	stopping    atomic.Bool // accept no more
	ended       atomic.Bool // nothing is left: loops end

	stopOnce sync.Once
	stopped  chan struct{}
	watchNow chan struct{}
	live     sync.WaitGroup // loops, the monitor, attendRest
	done     chan struct{}
}

// New returns a runner for o. Nothing is opened before Serve. On systems without epoll it returns
// netio.ErrUnsupported.
func New(o transport.Options) (transport.Runner, error) {
	if _, err := netio.System(); err != nil {
		return nil, err
	}
	if o.NewSession == nil {
		return nil, errors.New("epoll: Options.NewSession is nil")
	}
	if o.Loops < 0 || o.Loops > loopsMax {
		return nil, fmt.Errorf("epoll: Options.Loops is %d, want 0 to %d", o.Loops, loopsMax)
	}
	if o.Loops == 0 {
		o.Loops = min(runtime.GOMAXPROCS(0), loopsMax)
	}
	return &Runner{
		o:        o,
		stopped:  make(chan struct{}),
		watchNow: make(chan struct{}, 1),
		done:     make(chan struct{}),
		monitor:  monitor{wake: make(chan struct{}, 1), stop: make(chan struct{})},
	}, nil
}

// Serve implements transport.Runner. It takes a listener whose descriptor can be had: *net.TCPListener,
// *net.UnixListener, or one that brings a kernel of its own (the simulator's).
func (r *Runner) Serve(l net.Listener) error {
	defer l.Close()
	err := r.begin(l)
	if err != nil {
		r.stop()
		close(r.done)
		return err
	}
	err = r.attend()
	r.stop()
	l.Close()
	if err == nil {
		err = transport.ErrStopped
	}
	if r.o.NetConns {
		r.live.Go(r.attendRest)
	}
	r.release() // Serve's own count; with the last connection the runner ends
	return err
}

func (r *Runner) begin(l net.Listener) error {
	r.listener = l
	if k, ok := l.(interface{ Kernel() netio.Kernel }); ok {
		r.kernel = k.Kernel()
	} else {
		switch l.(type) {
		case *net.TCPListener, *net.UnixListener:
		default:
			return fmt.Errorf("epoll: cannot take the descriptor of a %T: %w", l, netio.ErrUnsupported)
		}
		k, err := netio.System()
		if err != nil {
			return err
		}
		r.kernel, r.real = k, true
	}
	sc, ok := l.(syscall.Conn)
	if !ok {
		return fmt.Errorf("epoll: cannot take the descriptor of a %T: %w", l, netio.ErrUnsupported)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	r.rawListener = raw
	if r.real {
		if _, ok := l.(*net.TCPListener); ok {
			if err := raw.Control(func(fd uintptr) { err = netio.SetListenerOptions(int(fd)) }); err != nil {
				return err
			}
			if err != nil {
				return fmt.Errorf("epoll: listener options: %w", err)
			}
			r.early.Store(true)
		}
	}
	for range r.o.Loops {
		p, err := r.kernel.NewPoller()
		if err != nil {
			for _, l := range r.loops {
				l.poller.Close()
			}
			r.loops = nil
			return fmt.Errorf("epoll: poller: %w", err)
		}
		l := &loop{r: r, poller: p}
		l.tell()
		l.wheel.init(&l.slots, l.now)
		r.loops = append(r.loops, l)
	}
	if r.o.NetConns {
		r.reserve.file, _ = os.Open(os.DevNull) // without it wrap may fail when descriptors run out, no more
	}
	r.open.Store(1)
	r.begun.Store(true)
	r.live.Add(len(r.loops) + 1)
	go func() {
		defer r.live.Done()
		r.monitor.run(r)
	}()
	for _, l := range r.loops {
		l.listen()
		r.start(task{loop: l})
	}
	return nil
}

// stop ends accepting. Serve returns.
func (r *Runner) stop() {
	r.stopping.Store(true)
	r.stopOnce.Do(func() { close(r.stopped) })
}

// hold counts one more on, unless the last has been counted off. Who adds to open without it knows of one that is not.
func (r *Runner) hold() bool {
	for {
		n := r.open.Load()
		if n == 0 {
			return false
		}
		if r.open.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release counts one connection, or Serve, off. The last one ends the runner.
func (r *Runner) release() {
	if r.open.Add(-1) > 0 {
		return
	}
	r.ended.Store(true)
	close(r.monitor.stop)
	r.reserve.Lock()
	if r.reserve.file != nil {
		r.reserve.file.Close()
	}
	r.reserve.Unlock()
	for _, l := range r.loops {
		l.poller.Wake()
	}
	r.dismiss()
	go func() {
		r.live.Wait()
		close(r.done)
	}()
}

// stop ends the loop. Its holder calls it, and returns.
func (l *loop) stop() {
	if l.alarm != nil {
		l.alarm.Stop()
	}
	l.poller.Close()
	l.r.live.Done()
}

// CloseIdle implements transport.Runner.
// It returns when every loop has looked, so that no connection that becomes idle after the call is closed by it. A loop that
// is in a hook may wait there for a lock that the caller holds: it is not waited for longer than sweepWait.
func (r *Runner) CloseIdle() {
	if !r.begun.Load() {
		return
	}
	swept := make(chan struct{}, len(r.loops))
	late := time.NewTimer(sweepWait)
	defer late.Stop()
	for _, l := range r.loops {
		l.post(mail{sweep: sweepIdle, swept: swept})
	}
	for range r.loops {
		select {
		case <-swept:
		case <-late.C:
			return
		case <-r.done:
			return
		}
	}
}

// Drain implements transport.Runner.
func (r *Runner) Drain() {
	r.draining.Store(true)
	r.stop()
	r.broadcast(sweepIdle)
}

// Close implements transport.Runner.
func (r *Runner) Close() {
	r.draining.Store(true)
	r.cutting.Store(true)
	r.stop()
	r.broadcast(sweepAll)
}

func (r *Runner) broadcast(s sweep) {
	if !r.begun.Load() || r.ended.Load() {
		return // begin, and attend after it, look at stopping
	}
	for _, l := range r.loops {
		l.post(mail{sweep: s})
	}
}

// Done implements transport.Runner.
func (r *Runner) Done() <-chan struct{} { return r.done }

// Conns implements transport.Runner.
func (r *Runner) Conns() (n int) {
	if r.begun.Load() {
		for _, l := range r.loops {
			n += int(l.conns.Load())
		}
	}
	return n
}

// Taken is how many handlers the monitor has taken the baton from.
func (r *Runner) Taken() uint64 { return r.taken.Load() }

func (r *Runner) logf(format string, args ...any) {
	if r.o.Logf != nil {
		r.o.Logf(format, args...)
	}
}
