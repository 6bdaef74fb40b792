//go:build linux || darwin

package processes_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestReplaceFails: workers that do not come up change nothing, and neither does a program that does not.
func TestReplaceFails(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	o := options(2)
	unix := filepath.Join(t.TempDir(), "socket")
	o.Addrs, o.Admin = append(o.Addrs, "unix:"+unix), filepath.Join(t.TempDir(), "admin")
	s := launch(t, config{Options: o, FailIf: broken}).up(2)
	before := s.askAll(2)
	require.NoError(t, os.WriteFile(broken, nil, 0o600))
	s.kill(syscall.SIGHUP)
	s.says(1, "replacement has failed; what served before goes on.*ended before it was ready: exit status 1: there is "+broken)
	s.kill(syscall.SIGUSR2)
	s.says(1, "replacement of the program has failed; what served before goes on.*the new master .*: there is "+broken)
	require.Equal(t, before, s.askAll(2))
	for _, path := range []string{unix, o.Admin} { // the program that failed has not taken them with it
		c, err := net.Dial("unix", path)
		require.NoError(t, err)
		c.Close()
	}
	require.NoError(t, os.Remove(broken))
	s.kill(syscall.SIGHUP)
	s.says(1, "processes: replacement done")
	s.says(2, "processes: drained: worker")
	for i, a := range s.askAll(2) {
		require.NotEqual(t, before[i].pid, a.pid)
		require.Greater(t, a.generation, 1)
	}
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestNewProgram: what is started is what stands at the path then, and the workers of the old master stay what they were.
func TestNewProgram(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "program")
	text, err := os.ReadFile(exe)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, text, 0o700))
	cmd := exec.Command(program)
	o := options(2)
	o.Young = time.Nanosecond
	cmd.Env = append(os.Environ(), configVariable+"="+encode(t, config{Options: o}))
	s := follow(t, cmd).up(2)
	replace := func(text string) {
		require.NoError(t, os.WriteFile(program+".new", []byte(text), 0o700))
		require.NoError(t, os.Rename(program+".new", program))
	}
	replace("#!/bin/sh\necho I am new; exit 9\n")
	s.kill(syscall.SIGUSR2)
	s.says(1, "replacement of the program has failed; what served before goes on.*exit status 9")
	before := s.askAll(2)
	require.NoError(t, syscall.Kill(before[0].pid, syscall.SIGKILL))
	s.says(3, "processes: ready: worker")
	require.Equal(t, before[0].master, s.askAll(2)[0].master)
	require.NoError(t, os.Remove(program))
	s.kill(syscall.SIGUSR2)
	s.says(2, "replacement of the program has failed; what served before goes on")
	replace(string(text))
	s.kill(syscall.SIGUSR2)
	s.says(1, "has taken over: draining")
	require.Equal(t, 0, <-s.code)
	s.code <- 0
	a := s.ask()
	require.NotEqual(t, s.cmd.Process.Pid, a.master)
	require.NoError(t, syscall.Kill(a.master, syscall.SIGTERM))
	require.Equal(t, 0, s.exits())
	require.True(t, s.refused())
}

// TestNewProgramResizes: the next program may have more workers, or fewer; none of the sockets is left alone.
func TestNewProgramResizes(t *testing.T) {
	resize := filepath.Join(t.TempDir(), "resize")
	s := launch(t, config{Options: options(2), Resize: resize}).up(2)
	master, drained := s.cmd.Process.Pid, 0
	for i, n := range []int{4, 1} {
		require.NoError(t, os.WriteFile(resize, []byte(strconv.Itoa(n)), 0o600))
		require.NoError(t, syscall.Kill(master, syscall.SIGUSR2))
		s.says(i+1, "has taken over: draining")
		drained += []int{2, 4}[i]
		s.says(drained, "processes: drained: worker")
		s.askAll(n)
		old := master
		master = s.ask().master
		require.NotEqual(t, old, master)
		for range 40 {
			require.Equal(t, master, s.ask().master)
		}
	}
	require.NoError(t, syscall.Kill(master, syscall.SIGTERM))
	require.Equal(t, 0, s.exits())
}

// TestOneChangeAtATime: a replacement that is asked for during another one comes after it, a new program does not.
func TestOneChangeAtATime(t *testing.T) {
	hang := filepath.Join(t.TempDir(), "hang")
	s := launch(t, config{Options: options(2), FailIf: hang}).up(2)
	require.NoError(t, os.WriteFile(hang, []byte("hang"), 0o600)) // or it may be over before the next one is asked for
	s.kill(syscall.SIGHUP)
	s.says(1, "processes: replacement begins")
	s.kill(syscall.SIGHUP)
	s.says(1, "going to be replaced after what is under way")
	s.kill(syscall.SIGUSR2)
	s.says(1, "not replacing the program: one change at a time")
	require.NoError(t, os.Remove(hang))
	s.says(2, "processes: replacement done")
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestNotify: the service manager hears of it all.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer manager.Close()
	s := launch(t, config{Options: options(2)}, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=200000")
	heard := func(want string) {
		t.Helper()
		buf := make([]byte, 1000)
		manager.SetReadDeadline(time.Now().Add(patience))
		for {
			n, err := manager.Read(buf)
			require.NoError(t, err, want)
			if ok, _ := filepath.Match(want, string(buf[:n])); ok {
				return
			}
		}
	}
	s.up(2)
	heard("READY=1\nMAINPID=" + strconv.Itoa(s.cmd.Process.Pid) + "\n*")
	heard("WATCHDOG=1")
	heard("WATCHDOG=1")
	s.kill(syscall.SIGHUP)
	heard("RELOADING=1\nMONOTONIC_USEC=*")
	heard("READY=1")
	s.kill(syscall.SIGUSR2)
	heard("READY=1\nMAINPID=*")
	s.says(1, "has taken over: draining")
	require.Equal(t, 0, <-s.code)
	s.code <- 0
	master := s.ask().master
	require.NoError(t, syscall.Kill(master, syscall.SIGTERM))
	heard("STOPPING=1")
	require.Equal(t, 0, s.exits())
}
