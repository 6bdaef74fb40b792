//go:build !linux

package main

import (
	"os/exec"
	"runtime"
)

// allowedCPUs lists as many CPUs as there are: elsewhere than on Linux nothing is pinned, but there may be too few.
func allowedCPUs() []int { return make([]int, runtime.NumCPU()) }

func splitCPUs([]int, int) (server, loader []int) { return nil, nil }

func startOn(cmd *exec.Cmd, _ []int) error { return cmd.Start() }

func moveTo([]int) error { return nil }
