package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of the times in /proc/PID/stat.
const tick = 10 * time.Millisecond

// StateOf reads a process and its descendants: a server that is started by a command may be several. What those had used that
// have ended stands in their parents, in ticks.
func StateOf(pid int) (s State, err error) {
	s.Switches = true
	for i, p := range Descendants(pid) {
		u, ended, err := usageOf(p)
		if err != nil {
			if i > 0 {
				continue // it has ended
			}
			return s, err
		}
		s.CPU = s.CPU.plus(u).plus(ended)
		s.ended += ended.Sum
		s.pids = append(s.pids, p)
		v, n, err := contextSwitches(p)
		s.Voluntary, s.Involuntary = s.Voluntary+v, s.Involuntary+n
		s.Switches = s.Switches && err == nil
	}
	return s, nil
}

// memoryOf is the resident memory of a process and its descendants, in bytes.
func memoryOf(pid int) (sum int64, err error) {
	for i, p := range Descendants(pid) {
		n, err := residentOf(p)
		if err != nil && i == 0 {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// Descendants is pid and all that it has started, and they.
func Descendants(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, name := range lists {
			b, _ := os.ReadFile(name)
			for _, f := range bytes.Fields(b) {
				if child, err := strconv.Atoi(string(f)); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

// contextSwitches adds up those of a process's threads; /proc/PID/status has only the first thread's.
func contextSwitches(pid int) (voluntary, involuntary int64, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err == nil && len(tasks) == 0 {
		err = os.ErrNotExist
	}
	for _, name := range tasks {
		b, rerr := os.ReadFile(name)
		if rerr != nil {
			continue // the thread has ended
		}
		voluntary += statusLine(b, "\nvoluntary_ctxt_switches:")
		involuntary += statusLine(b, "\nnonvoluntary_ctxt_switches:")
	}
	return voluntary, involuntary, err
}

func statusLine(b []byte, name string) int64 {
	_, rest, _ := bytes.Cut(b, []byte(name))
	if f := bytes.Fields(rest); len(f) > 0 {
		n, _ := strconv.ParseInt(string(f[0]), 10, 64)
		return n
	}
	return 0
}
