//go:build unix

package process

import (
	"os/exec"
	"strconv"
	"syscall"
)

// ownGroup has cmd start in a process group of its own: an interrupt of the terminal does not reach it, and endGroup reaches all
// that it has started.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// guard has cmd's group ended when this process ends and cannot do it any more: a shell waits for the end of a pipe that only
// we hold open. It runs beside the command, not above it, where it would be measured with it. Without a shell there is no
// guard.
func guard(cmd *exec.Cmd) (end func()) {
	sh := exec.Command("sh", "-c", `read x; kill -TERM -$0; sleep 2; kill -KILL -$0`, strconv.Itoa(cmd.Process.Pid))
	ownGroup(sh)
	if _, err := sh.StdinPipe(); err != nil || sh.Start() != nil {
		return func() {}
	}
	return func() {
		sh.Process.Kill()
		sh.Wait()
	}
}

func endGroup(cmd *exec.Cmd, kill bool) {
	signal := syscall.SIGTERM
	if kill {
		signal = syscall.SIGKILL
	}
	syscall.Kill(-cmd.Process.Pid, signal)
}
