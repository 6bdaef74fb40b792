//go:build !linux

package process

func stateOf(int) (State, error) { return State{}, ErrUnmeasured }

func memoryOf(int) (int64, error) { return 0, ErrUnmeasured }
