//go:build !linux

package main

import (
	"os/exec"
	"runtime"
)

// AllowedCPUs lists as many CPUs as there are: elsewhere than on Linux nothing is pinned, but there may be too few.
func AllowedCPUs() []int { return make([]int, runtime.NumCPU()) }

func SplitCPUs([]int, int) (server, loader []int) { return nil, nil }

func StartOn(cmd *exec.Cmd, _ []int) error { return cmd.Start() }

func MoveTo([]int) error { return nil }
