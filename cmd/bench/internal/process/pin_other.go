//go:build !linux

package process

import (
	"os/exec"
	"runtime"
)

// AllowedCPUs lists as many CPUs as there are: elsewhere than on Linux nothing is pinned, but there may be too few.
func AllowedCPUs() []int { return make([]int, runtime.NumCPU()) }

// SplitCPUs returns nil for both: nothing is pinned.
func SplitCPUs([]int, int) (server, loader []int) { return nil, nil }

// StartOn starts cmd.
func StartOn(cmd *exec.Cmd, _ []int) error { return cmd.Start() }

// MoveTo moves nothing.
func MoveTo([]int) error { return nil }
