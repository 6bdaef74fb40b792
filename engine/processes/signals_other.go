//go:build !linux && !darwin

package processes

import (
	"os"
	"os/signal"
	"syscall"
)

// supported: here there are no worker processes.
const supported = false

// There is nothing that could steer a master.
var (
	signalReplace, signalUpgrade, signalReopen, signalDump os.Signal

	signalStop = []os.Signal{os.Interrupt}
)

func apart() *syscall.SysProcAttr { return nil }

// watchSignals has the worker stop by an interrupt, until the returned function is called.
func (w *Worker) watchSignals() (stop func()) {
	got := make(chan os.Signal, 8)
	signal.Notify(got, signalStop...)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-got:
				w.stop()
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
