package processes

import (
	"os"
	"os/signal"
	"slices"
	"sync"
)

// onSignals has f called for each signal of these kinds, one at a time, until the returned function is called. Each kind has a queue
// of its own: package signal does not wait for room in one, and a storm of one kind would take that of the signal to end.
func onSignals(f func(os.Signal), kinds ...os.Signal) (stop func()) {
	var one sync.Mutex
	queues := make([]chan os.Signal, len(kinds))
	for i, kind := range kinds {
		got := make(chan os.Signal, 1)
		queues[i] = got
		signal.Notify(got, kind)
		go func() {
			for s := range got {
				one.Lock()
				f(s)
				one.Unlock()
			}
		}()
	}
	return func() {
		for _, got := range queues {
			signal.Stop(got)
			close(got)
		}
	}
}

// watchSignals has the loop hear those that a master is steered by.
func (m *master) watchSignals() (stop func()) {
	return onSignals(func(s os.Signal) { m.post(func() { m.signalled(s) }) },
		append(slices.Clone(signalStop), signalReplace, signalUpgrade, signalReopen, signalDump)...)
}

// watchSignals has the worker stop by signals. One below a master hears those that are meant for it alone; SIGQUIT is left to
// the runtime, which writes stacks even when nothing runs any more.
func (w *Worker) watchSignals() (stop func()) {
	if w.up != nil {
		signal.Ignore(signalReplace, signalUpgrade)
	}
	return onSignals(func(s os.Signal) {
		if s == signalReopen {
			w.reopenLogs()
		} else {
			w.stop()
		}
	}, append(slices.Clone(signalStop), signalReopen)...)
}
