//go:build !linux

package process

// UsageOf is known on Linux only; elsewhere a server that we started is asked for its own.
func UsageOf(int) (Usage, error) { return Usage{}, ErrUnmeasured }

func residentOf(int) (int64, error) { return 0, ErrUnmeasured }

// filesMax is not looked up here: reaching the limit is an error that says so.
func filesMax() int { return 1 << 30 }
