//go:build unix && !linux

package process

import (
	"syscall"
	"time"
)

// OwnUsage is the CPU time that this process has used.
func OwnUsage() (Usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}, err
	}
	user, system := r.Utime.Nano(), r.Stime.Nano()
	return Usage{time.Duration(user + system), user, system, true}, nil
}
