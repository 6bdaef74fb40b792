package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// UsageOf is the CPU time that a process has used, ended threads included.
//
// The sum is the scheduler's own, in nanoseconds, read from the process's CPU clock. /proc/PID/stat counts in ticks of
// 10 ms, too coarse for a round of half a second; it only gives the proportion of user and system.
func UsageOf(pid int) (Usage, error) {
	// The kernel's clock number for another process: the complement of its id, shifted, and 2 for the scheduler's sum.
	clock := int32(^pid<<3 | 2)
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return Usage{}, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	u := Usage{Sum: time.Duration(ts.Nano()), Known: true}
	var err error
	u.user, u.system, err = ticks(pid)
	return u, err
}

func ticks(pid int) (user, system int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// The second field is the name in parentheses and may contain anything, parentheses too.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 13 {
		return 0, 0, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(f))
	}
	if user, err = strconv.ParseInt(string(f[11]), 10, 64); err != nil {
		return 0, 0, err
	}
	system, err = strconv.ParseInt(string(f[12]), 10, 64)
	return user, system, err
}

// residentOf is the resident memory of a process. It reads smaps_rollup, which walks the page table: the counters behind
// /proc/PID/status are batched per CPU and may be off by hundreds of kilobytes.
func residentOf(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(b, []byte("\nRss:"))
	if f := bytes.Fields(rest); ok && len(f) > 0 {
		kb, err := strconv.ParseInt(string(f[0]), 10, 64)
		return kb << 10, err
	}
	return 0, fmt.Errorf("/proc/%d/smaps_rollup: no Rss", pid)
}

// OwnUsage is the CPU time that this process has used.
func OwnUsage() (Usage, error) { return UsageOf(os.Getpid()) }

// filesMax is the number of descriptors that this process may have. The Go runtime has already raised the soft limit
// to the hard one.
func filesMax() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur > 1<<30 {
		return 1 << 30
	}
	return int(l.Cur)
}
