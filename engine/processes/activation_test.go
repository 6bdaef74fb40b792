//go:build linux || darwin

package processes_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSocketActivation: a program that is started for a connection finds the socket, and the connection.
func TestSocketActivation(t *testing.T) {
	activate, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("SKIPPED: there is no systemd-socket-activate here; TestActivated does what it does")
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	l.Close()
	o := options(2)
	cmd := exec.Command(activate, "-l", addr, "-E", configVariable+"="+encode(t, config{Options: o}), "-E", "PATH", "-E", "GORACE", exe)
	s := follow(t, cmd)
	s.addr = addr
	s.says(1, "Listening on")
	first := s.ask()
	s.says(2, "processes: ready: worker")
	s.says(1, "serving the sockets that the program was given")
	require.Equal(t, s.cmd.Process.Pid, first.master)
	s.kill(syscall.SIGUSR2) // the next program has them, too
	s.says(1, "has taken over: draining")
	require.Equal(t, 0, <-s.code)
	s.code <- 0
	a := s.ask()
	require.NotEqual(t, first.master, a.master)
	require.NoError(t, syscall.Kill(a.master, syscall.SIGTERM))
	require.Equal(t, 0, s.exits())
}

// TestActivated is what such a program does, done here: sockets are made before and handed over with their names. The file
// of a socket that was given is nobody's to remove.
func TestActivated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	var files []*os.File
	var addrs []net.Addr
	for _, a := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", path}} {
		l, err := net.Listen(a[0], a[1])
		require.NoError(t, err)
		f, err := l.(interface{ File() (*os.File, error) }).File()
		require.NoError(t, err)
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		require.NoError(t, l.Close())
		defer f.Close()
		files, addrs = append(files, f), append(addrs, l.Addr())
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_FDS=2 LISTEN_FDNAMES=web:local LISTEN_PID=$$ exec "$0"`, exe)
	cmd.ExtraFiles = files
	o := options(2)
	o.Addrs = []string{"127.0.0.1:1"} // they take its place
	cmd.Env = append(os.Environ(), configVariable+"="+encode(t, config{Options: o}))
	s := follow(t, cmd)
	s.says(2, "processes: ready: worker")
	s.says(1, "serving the sockets that the program was given")
	require.Equal(t, addrs[0].String(), s.says(1, `listening on (\S+)\n`)[0][1])
	s.addr = addrs[0].String()
	require.Equal(t, "[web local]", names(t, s))
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	s.kill(syscall.SIGHUP)
	s.says(1, "processes: replacement done")
	require.Equal(t, "[web local]", names(t, s))
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
	require.FileExists(t, path)
}

// names asks a worker what its sockets are called.
func names(t *testing.T, s *service) string {
	body, err := s.get("/names")
	require.NoError(t, err)
	return body
}
