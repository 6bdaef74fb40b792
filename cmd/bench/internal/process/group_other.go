//go:build !unix

package process

import "os/exec"

func ownGroup(*exec.Cmd) {}

func endGroup(cmd *exec.Cmd, _ bool) { cmd.Process.Kill() }
