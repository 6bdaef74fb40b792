package process

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// AllowedCPUs lists the CPUs that this process may run on.
func AllowedCPUs() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var cpus []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus
}

// SplitCPUs divides cpus into n for the server and one for the loader, which is not a hyper-thread of the server's if
// that can be. It returns nil for both if there is no CPU left over.
func SplitCPUs(cpus []int, n int) (server, loader []int) {
	if len(cpus) <= n {
		return nil, nil
	}
	server, rest := cpus[:n], cpus[n:]
	for _, c := range rest {
		if !sharesCore(c, server) {
			return server, []int{c}
		}
	}
	return server, rest[:1]
}

func sharesCore(cpu int, others []int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/core_cpus_list", cpu))
	if err != nil {
		return false
	}
	for part := range strings.SplitSeq(strings.TrimSpace(string(b)), ",") {
		from, to, isRange := strings.Cut(part, "-")
		lo, _ := strconv.Atoi(from)
		hi := lo
		if isRange {
			hi, _ = strconv.Atoi(to)
		}
		for _, o := range others {
			if lo <= o && o <= hi {
				return true
			}
		}
	}
	return false
}

func setOf(cpus []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	return &set
}

// StartOn starts cmd with its affinity set from its first instruction on: a child inherits that of the thread
// that forks it, so this one lends itself to the CPUs for as long as that takes.
//
// It inherits no descriptor that was left open to us: wrk has room for a few numbers more than its connections, and counts
// what is beyond as connections that failed.
func StartOn(cmd *exec.Cmd, cpus []int) error {
	unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) // before Linux 5.11 it stays as it was
	if len(cpus) == 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, setOf(cpus)); err != nil {
		return fmt.Errorf("pin to CPUs %v: %w", cpus, err)
	}
	err := cmd.Start()
	if rerr := unix.SchedSetaffinity(0, &before); err == nil {
		err = rerr
	}
	return err
}

// MoveTo moves every thread of this process to cpus. Threads that are started later inherit from those that
// start them, so it is done when a pass over the list finds nobody new.
func MoveTo(cpus []int) error {
	seen := map[string]bool{}
	for again := true; again; {
		again = false
		tasks, err := filepath.Glob("/proc/self/task/*")
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if seen[t] {
				continue
			}
			seen[t], again = true, true
			tid, err := strconv.Atoi(filepath.Base(t))
			if err != nil {
				return err
			}
			if err := unix.SchedSetaffinity(tid, setOf(cpus)); err != nil && err != unix.ESRCH {
				return fmt.Errorf("pin to CPUs %v: %w", cpus, err)
			}
		}
	}
	return nil
}
