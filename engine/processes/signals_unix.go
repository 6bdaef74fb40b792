//go:build linux || darwin

package processes

import (
	"os"
	"os/signal"
	"syscall"
)

// supported: workers need inherited descriptors, and signals.
const supported = true

// The signals that a master is steered by.
var (
	signalReplace = os.Signal(syscall.SIGHUP)
	signalUpgrade = os.Signal(syscall.SIGUSR2)
	signalReopen  = os.Signal(syscall.SIGUSR1)
	signalDump    = os.Signal(syscall.SIGQUIT)
	signalStop    = []os.Signal{syscall.SIGTERM, syscall.SIGINT}
)

// apart puts a process into a group of its own: what a terminal sends, it sends to the master alone.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// watchSignals has the worker stop by signals, until the returned function is called. A worker below a master hears those
// that are meant for it alone; SIGQUIT is left to the runtime, which writes stacks even when nothing runs any more.
func (w *Worker) watchSignals() (stop func()) {
	got := make(chan os.Signal, 8)
	signal.Notify(got, append(signalStop, signalReopen)...)
	if w.up != nil {
		signal.Ignore(signalReplace, signalUpgrade)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-got:
				if s == signalReopen {
					w.reopenLogs()
				} else {
					w.stop()
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(got)
		close(done)
	}
}
