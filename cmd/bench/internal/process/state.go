package process

// State is what a server's process, with all that it has started, has used so far and holds.
type State struct {
	CPU                    Usage
	Voluntary, Involuntary int64 // context switches of the threads that live
	Switches               bool  // they are known
}

// Minus is what was used since o, another reading of the same process.
func (s State) Minus(o State) State {
	return State{
		CPU:       s.CPU.Minus(o.CPU),
		Voluntary: s.Voluntary - o.Voluntary, Involuntary: s.Involuntary - o.Involuntary,
		Switches: s.Switches && o.Switches && s.Voluntary >= o.Voluntary && s.Involuntary >= o.Involuntary,
	}
}
