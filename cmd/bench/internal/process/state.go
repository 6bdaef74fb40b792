package process

import (
	"slices"
	"time"
)

// State is what a server's process, with all that it has started, has used so far and holds.
type State struct {
	CPU                    Usage
	Voluntary, Involuntary int64 // context switches of the threads that live
	Switches               bool  // they are known

	ended time.Duration // of CPU.Sum: the part of processes that have ended
	pids  []int         // those that live
}

// Minus is what was used since o, another reading of the same process. It is not known if a process has ended meanwhile and
// nobody has its time.
func (s State) Minus(o State) State {
	gone := slices.ContainsFunc(o.pids, func(pid int) bool { return !slices.Contains(s.pids, pid) })
	used := s.CPU.Minus(o.CPU)
	used.Known = used.Known && used.Sum >= 0 && (!gone || s.ended > o.ended)
	return State{
		CPU:       used,
		Voluntary: s.Voluntary - o.Voluntary, Involuntary: s.Involuntary - o.Involuntary,
		Switches: s.Switches && o.Switches && s.Voluntary >= o.Voluntary && s.Involuntary >= o.Involuntary,
	}
}
