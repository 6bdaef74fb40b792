package processes

import (
	"context"
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Worker is what a worker process knows of itself. All its methods may be called by any goroutine.
type Worker struct {
	o                 Options
	index, generation int
	loops             int
	listeners         []net.Listener
	names             []string
	closeSockets      func() // without a master, what the listeners are copies of
	reopenLogs        func()

	up    *mouth // nil without a master
	radio *radio // nil without a master
	ready sync.Once

	stopped   time.Time // when the first signal came; used where signals are heard
	draining  chan struct{}
	drainOnce sync.Once
	ctx       context.Context
	cut       context.CancelFunc
}

func newWorker(o Options) *Worker {
	w := &Worker{o: o, generation: 1, draining: make(chan struct{})}
	w.ctx, w.cut = context.WithCancel(context.Background())
	w.reopenLogs = reopener(o.ReopenLogs, w.ctx.Done())
	return w
}

// runWorker is the life of a worker process.
func runWorker(o Options, in inheritance, f func(*Worker) error) error {
	id := in.identity
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(id.Loops)
	}
	w := newWorker(o)
	w.index, w.generation, w.loops = id.Index, id.Generation, runtime.GOMAXPROCS(0)
	defer w.cut()
	w.up = &mouth{to: in.up}
	fail := func(err error) error {
		w.up.say(message{Failed: err.Error()})
		return err
	}
	for _, s := range in.sockets {
		err := w.listen([]*os.File{s.file}, []string{s.name})
		s.file.Close()
		if err != nil {
			return fail(err)
		}
	}
	defer w.close()
	if in.radio != nil {
		var err error
		if w.radio, err = newRadio(in.radio); err != nil {
			return fail(err)
		}
		defer w.radio.out.flush()
	}
	stop := w.watchSignals()
	defer stop()
	go func() {
		obey(in.down, w.obey)
		select {
		case <-w.draining:
		default:
			o.Logger.Warn("processes: the master is gone: draining", "worker", w.index)
		}
		w.drain()
		time.Sleep(o.Linger + o.Grace + drainSlack) // then a master would kill it
		o.Logger.Error("processes: the master is gone and this worker has not drained in time: ending it by force", "worker", w.index)
		os.Exit(1)
	}()
	if id.BeatEvery > 0 {
		go w.beat(time.Duration(id.BeatEvery))
	}
	if err := f(w); err != nil {
		return fail(err)
	}
	w.up.say(w.sign()) // what it has counted at last
	return nil
}

func (w *Worker) listen(files []*os.File, names []string) error {
	for i, f := range files {
		l, err := listener(f)
		if err != nil {
			w.close()
			return err
		}
		w.listeners, w.names = append(w.listeners, l), append(w.names, names[i])
	}
	return nil
}

// close lets go of the listening sockets.
func (w *Worker) close() {
	for _, l := range w.listeners {
		l.Close()
	}
	if w.closeSockets != nil {
		w.closeSockets()
	}
}

func (w *Worker) obey(command string) {
	switch verb, _, _ := strings.Cut(command, " "); verb {
	case commandProfile:
		go w.profile(command)
	case commandDrain:
		w.drain()
	case commandCut:
		w.drain()
		w.cut()
	case commandDump:
		dumpStacks("worker " + strconv.Itoa(w.index))
	case commandReopen:
		w.reopenLogs()
	}
}

func (w *Worker) drain() { w.drainOnce.Do(func() { close(w.draining) }) }

// reopener returns what has f called by a goroutine of its own, until done is closed: a disk that does not answer must not
// keep a process from hearing that it should end.
func reopener(f func(), done <-chan struct{}) func() {
	if f == nil {
		return func() {}
	}
	asked := make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-asked:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		select {
		case asked <- struct{}{}:
		default: // it is going to be called anyway
		}
	}
}

// stop is a signal to end: the second one cuts. The first does not if the master has had the worker drain before: a service
// manager sends a signal to each process.
func (w *Worker) stop() {
	switch {
	case w.stopped.IsZero():
		w.stopped = time.Now()
		select {
		case <-w.draining:
		default:
			go w.up.say(message{Leaving: true}) // the master may be the one that does not run
			w.drain()
		}
	case time.Since(w.stopped) >= stopApart:
		w.cut()
	}
}

// beat says that the worker is alive, and what it has counted, until it ends.
func (w *Worker) beat(every time.Duration) {
	for {
		w.up.say(w.sign())
		time.Sleep(every)
	}
}

// sign is a sign of life.
func (w *Worker) sign() message {
	var c Counters
	if w.o.Counters != nil {
		c = w.o.Counters()
	}
	msg := message{Counters: &c, Memory: memory()}
	if w.radio != nil {
		msg.Lost = w.radio.out.lost()
	}
	return msg
}

// memory is how much of this process lies in memory, in bytes; where the system does not say it, what the runtime has.
func memory() uint64 {
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(statm)); len(fields) > 1 {
			if pages, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
				return pages * uint64(os.Getpagesize())
			}
		}
	}
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// Index is the worker's place, from 0 to one less than the number of workers. A successor has that of its predecessor.
func (w *Worker) Index() int { return w.index }

// Generation counts, from 1, how often the workers, or the program, have been replaced; workers that have died do not count.
func (w *Worker) Generation() int { return w.generation }

// Loops is how many event loops the worker should have: GOMAXPROCS, in a worker process.
func (w *Worker) Loops() int { return w.loops }

// Listeners are the sockets to serve: *net.TCPListener or *net.UnixListener, in the order of Options.Addrs. There may be
// several for one address. They are closed when the worker's function has returned.
func (w *Worker) Listeners() []net.Listener { return w.listeners }

// Names are the addresses of Listeners as Options.Addrs gives them, or the names that the sockets were given with.
func (w *Worker) Names() []string { return w.names }

// Ready says that the worker serves: what it replaces may drain. Further calls do nothing.
func (w *Worker) Ready() { w.ready.Do(func() { w.up.say(message{Ready: true}) }) }

// Draining is closed when the worker should end: accept no more, finish what is running.
func (w *Worker) Draining() <-chan struct{} { return w.draining }

// Context ends when the worker must not wait any longer for what is running.
func (w *Worker) Context() context.Context { return w.ctx }
