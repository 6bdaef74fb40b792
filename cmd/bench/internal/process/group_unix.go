//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// ownGroup has cmd start in a process group of its own: an interrupt of the terminal does not reach it, and endGroup reaches all
// that it has started.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd, kill bool) {
	signal := syscall.SIGTERM
	if kill {
		signal = syscall.SIGKILL
	}
	syscall.Kill(-cmd.Process.Pid, signal)
}
