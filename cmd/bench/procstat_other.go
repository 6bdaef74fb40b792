//go:build !linux

package main

// processUsage is known on Linux only; elsewhere a server that we started is asked for its own.
func processUsage(int) (usage, error) { return usage{}, errUnmeasured }

func residentBytes(int) (int64, error) { return 0, errUnmeasured }

// filesMax is not looked up here: reaching the limit is an error that says so.
func filesMax() int { return 1 << 30 }
