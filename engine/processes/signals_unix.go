//go:build linux || darwin

package processes

import (
	"os"
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
