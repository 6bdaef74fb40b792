//go:build unix && !linux

package main

import (
	"syscall"
	"time"
)

func ownUsage() (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, err
	}
	user, system := r.Utime.Nano(), r.Stime.Nano()
	return usage{time.Duration(user + system), user, system, true}, nil
}
