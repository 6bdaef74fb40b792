package main

// processState is what a server's process, with all that it has started, has used so far and holds.
type processState struct {
	cpu                    usage
	voluntary, involuntary int64 // context switches of the threads that live
	switches               bool  // they are known
}

// minus is what was used since o, another reading of the same process.
func (s processState) minus(o processState) processState {
	return processState{
		cpu:       s.cpu.minus(o.cpu),
		voluntary: s.voluntary - o.voluntary, involuntary: s.involuntary - o.involuntary,
		switches: s.switches && o.switches && s.voluntary >= o.voluntary && s.involuntary >= o.involuntary,
	}
}
