//go:build unix && !linux

package main

import (
	"syscall"
	"time"
)

func OwnUsage() (Usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}, err
	}
	user, system := r.Utime.Nano(), r.Stime.Nano()
	return Usage{time.Duration(user + system), user, system, true}, nil
}
