package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// usageOf is the CPU time that a process has used, ended threads included, and what those of its children have used that have
// ended and been waited for.
//
// The sum is the scheduler's own, in nanoseconds, read from the process's CPU clock. /proc/PID/stat counts in ticks of
// 10 ms, too coarse for a round of half a second; it only gives the proportion of user and system.
func usageOf(pid int) (u, ended Usage, err error) {
	// The kernel's clock number for another process: the complement of its id, shifted, and 2 for the scheduler's sum.
	clock := int32(^pid<<3 | 2)
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return u, ended, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	t, err := ticks(pid)
	u = Usage{Sum: time.Duration(ts.Nano()), user: t[0], system: t[1], Known: true}
	ended = Usage{Sum: time.Duration(t[2]+t[3]) * tick, user: t[2], system: t[3], Known: true}
	return u, ended, err
}

// ticks are user and system time, of a process and of its children that have ended.
func ticks(pid int) (t [4]int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return t, err
	}
	// The second field is the name in parentheses and may contain anything, parentheses too.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 15 {
		return t, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(f))
	}
	for i := range t {
		if t[i], err = strconv.ParseInt(string(f[11+i]), 10, 64); err != nil {
			return t, err
		}
	}
	return t, nil
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
func OwnUsage() (Usage, error) {
	u, _, err := usageOf(os.Getpid())
	return u, err
}

// filesMax is the number of descriptors that this process may have. The Go runtime has already raised the soft limit
// to the hard one.
func filesMax() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur > 1<<30 {
		return 1 << 30
	}
	return int(l.Cur)
}
