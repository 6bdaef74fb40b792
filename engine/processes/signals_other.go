//go:build !linux && !darwin

package processes

import (
	"os"
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
