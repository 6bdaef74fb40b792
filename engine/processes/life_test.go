//go:build linux || darwin

package processes_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/processes"
)

// options are those of most tests: an address of one's own, and no waiting for what tests do not need.
func options(n int) processes.Options {
	return processes.Options{Addrs: []string{"127.0.0.1:0"}, Processes: n, Linger: 50 * time.Millisecond, RespawnMin: 20 * time.Millisecond}
}

func TestOneProcess(t *testing.T) {
	s := launch(t, config{Options: options(1)})
	s.addr = s.says(1, `listening on (\S+)\n`)[0][1]
	a := s.ask()
	require.Equal(t, answer{pid: s.cmd.Process.Pid, generation: 1, master: os.Getpid()}, a)
	s.kill(syscall.SIGUSR1)
	s.says(1, "reopened by")
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
	require.NotContains(t, s.text(), "worker")
}

func TestWorkers(t *testing.T) {
	for _, share := range []processes.Share{processes.PerWorker, processes.Shared} {
		for _, server := range []string{"", "native", "http"} {
			o := options(3)
			o.Share = share
			s := launch(t, config{Options: o, Server: server}).up(3)
			if share == processes.PerWorker { // the kernel spreads them
				for i, a := range s.askAll(3) {
					require.Equal(t, i, a.index)
					require.Equal(t, s.cmd.Process.Pid, a.master)
				}
			}
			s.kill(syscall.SIGINT)
			require.Equal(t, 0, s.exits())
			require.Len(t, s.says(4, "program: end of process"), 4)
			require.True(t, s.refused())
		}
	}
}

// TestEnvironment: it overrides what the program says.
func TestEnvironment(t *testing.T) {
	s := launch(t, config{Options: options(1)}, "PEREGRINE_PROCESSES=2", "PEREGRINE_LOOPS=3", "PEREGRINE_ADDR=[::1]:0", "GOMAXPROCS=").up(2)
	require.Contains(t, s.addr, "[::1]")
	loops, err := s.get("/loops")
	require.NoError(t, err)
	require.Equal(t, "3", loops)
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())

	s = launch(t, config{Options: options(2)}, "GOMAXPROCS=5", "LISTEN_ADDR=mine", "LISTEN_PID=1", "WATCHDOG_DIR=mine", "WATCHDOG_USEC=1").up(2)
	for path, want := range map[string]string{"/loops": "5", "/env/LISTEN_ADDR": "mine", "/env/LISTEN_PID": "", "/env/WATCHDOG_DIR": "mine", "/env/WATCHDOG_USEC": ""} {
		got, err := s.get(path)
		require.NoError(t, err)
		require.Equal(t, want, got, path)
	}
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestDrain: a request that runs is finished, a connection that is silent ends, nobody new gets in.
// TestGrace: what runs longer is cut; a second signal cuts at once.
// TestStorm: whatever comes how often, the signal to end is heard.
// TestSignalToAll: a service manager that ends a service sends a signal to each of its processes. A worker that has heard of
// the drain from its master before finishes what it has, and so does a master that drains since another has taken over.
// TestLingerIsTimeThatPasses: what a worker does not run for is no time in which it could have answered.
// TestMasterVanishes: its workers finish what they have and end.
// TestOrphans: workers that do not end by themselves when their master has vanished end by force.
// TestUnix: the file of a Unix socket goes with the service; what is left by one that was killed is in nobody's way; what
// is not a socket stays where it is.
func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a:b%")
	o := options(2)
	o.Addrs = []string{"unix:" + path}
	s := launch(t, config{Options: o}).up(2)
	again := launch(t, config{Options: o})
	require.Equal(t, 1, again.exits())
	require.Contains(t, again.text(), "the socket of a program that is running")
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	c.Close()
	s.kill(syscall.SIGKILL)
	s.exits()
	require.FileExists(t, path)
	s = launch(t, config{Options: o}).up(2)
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
	require.NoFileExists(t, path)
	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	s = launch(t, config{Options: o})
	require.Equal(t, 1, s.exits())
	require.Contains(t, s.text(), "is there and is not a socket")
	require.FileExists(t, path)
}

// TestStartFails: each says what, where, and what to do, and leaves nothing behind.
func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	with := func(f func(*processes.Options)) processes.Options {
		o := options(2)
		f(&o)
		return o
	}
	for name, c := range map[string]struct {
		config config
		env    []string
		want   string
	}{
		"address in use":     {config: config{Options: with(func(o *processes.Options) { o.Addrs = []string{"127.0.0.1:0", taken.Addr().String()} })}, want: "another program does"},
		"no such address":    {config: config{Options: with(func(o *processes.Options) { o.Addrs = []string{"192.0.2.1:80"} })}, want: "cannot listen on 192.0.2.1:80"},
		"no address":         {config: config{Options: with(func(o *processes.Options) { o.Addrs = nil })}, want: "nothing to listen on"},
		"address twice":      {config: config{Options: with(func(o *processes.Options) { o.Addrs = []string{":81", ":81"} })}, want: "each address once"},
		"no path":            {config: config{Options: with(func(o *processes.Options) { o.Addrs = []string{"unix:"} })}, want: "the name is missing"},
		"too many processes": {config: config{Options: options(1000)}, want: "at most 256"},
		"negative grace":     {config: config{Options: with(func(o *processes.Options) { o.Grace = -1 })}, want: "Options.Grace is -1ns: want 0 or more"},
		"loops":              {config: config{Options: with(func(o *processes.Options) { o.Loops = 1000 })}, want: "Options.Loops is 1000: want 0 to 256"},
		"mode":               {config: config{Options: with(func(o *processes.Options) { o.Listen.Mode = os.ModeDir })}, want: "Config.Mode is d---------: want permission bits"},
		"shared twice":       {config: config{Options: with(func(o *processes.Options) { o.Listen.ReusePort = true })}, want: "Options.Listen.ReusePort is true: want false"},
		"nobody answers":     {config: config{Options: with(func(o *processes.Options) { o.Processes, o.Admin = 1, "/tmp/x" })}, want: "want Options.Master with it"},
		"share":              {config: config{Options: with(func(o *processes.Options) { o.Share = 7 })}, want: "Options.Share is 7"},
		"nobody recycles":    {config: config{Options: with(func(o *processes.Options) { o.Processes, o.RecycleAge = 1, time.Hour })}, want: "want Options.Master with it"},
		"environment":        {config: config{Options: options(2)}, env: []string{"PEREGRINE_PROCESSES=many"}, want: `PEREGRINE_PROCESSES in the environment is "many": want a number from 0 to 256`},
		"environment bound":  {config: config{Options: options(2)}, env: []string{"PEREGRINE_PROCESSES=257"}, want: `PEREGRINE_PROCESSES in the environment is "257": want a number from 0 to 256`},
		"environment loops":  {config: config{Options: options(2)}, env: []string{"PEREGRINE_LOOPS=-1"}, want: `PEREGRINE_LOOPS in the environment is "-1": want a number from 0 to 256`},
		"environment addr":   {config: config{Options: options(2)}, env: []string{"PEREGRINE_ADDR=127.0.0.1:0,"}, want: `PEREGRINE_ADDR in the environment: listen: address "": want`},
		"environment twice":  {config: config{Options: options(2)}, env: []string{"PEREGRINE_ADDR=:81,:81"}, want: "each address once"},
		"exits":              {config: config{Options: options(2), Server: "exits"}, want: "has ended before it was ready: exit status 7"},
		"fails":              {config: config{Options: options(2), Server: "fails"}, want: "has ended before it was ready: exit status 1: no database"},
		"refuses":            {config: config{Options: options(2), Server: "refuses"}, want: `exit status 1: nethttp: Server.Transport is \"pigeon\"`},
		"never ready": {config: config{Options: with(func(o *processes.Options) { o.ReadyTimeout = 200 * time.Millisecond }), Server: "never ready"},
			want: "not ready after 200ms: it must call Worker.Ready"},
	} {
		t.Run(name, func(t *testing.T) {
			s := launch(t, c.config, c.env...)
			require.Equal(t, 1, s.exits())
			require.Contains(t, s.text(), c.want)
		})
	}
}

// TestFewDescriptors: a start that fails for want of descriptors says what to do, wherever it fails, and leaves nothing behind.
func TestFewDescriptors(t *testing.T) {
	dir := t.TempDir()
	o := options(2)
	o.Addrs, o.Admin = append(o.Addrs, "unix:"+filepath.Join(dir, "socket")), filepath.Join(dir, "admin")
	advice := 0
	for limit := 8; limit <= 24; limit += 2 {
		s := launchBy(t, []string{"/bin/sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0"`, limit)}, config{Options: o})
		eventually(t, "success or failure", func() bool {
			select {
			case <-s.nobody:
				return true
			default:
				return strings.Count(s.text(), "processes: ready: worker") == 2
			}
		})
		s.cmd.Process.Signal(syscall.SIGTERM) // if it is there
		s.exits()
		advice += strings.Count(s.text(), "too many open files: raise the limit of open files")
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left, "limit %d: %s", limit, s.text())
	}
	require.Positive(t, advice)
}

// TestNothingStays: a start that fails leaves neither processes nor files; an end leaves what somebody else has put at our
// path.
func TestNothingStays(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	path, admin := filepath.Join(dir, "socket"), filepath.Join(dir, "admin")
	for _, c := range []struct{ addr, server string }{{taken.Addr().String(), ""}, {"127.0.0.1:0", "fails"}} {
		o := options(2)
		o.Addrs, o.Admin = []string{"unix:" + path, c.addr}, admin
		s := launch(t, config{Options: o, Server: c.server})
		require.Equal(t, 1, s.exits())
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left, c)
	}
	o := options(2)
	o.Addrs = []string{"unix:" + path}
	s := launch(t, config{Options: o}).up(2)
	require.NoError(t, os.Remove(path))
	stranger, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer stranger.Close()
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
	require.FileExists(t, path)
}

// TestListen: sockets are opened as Options.Listen says.
func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	o := options(2)
	o.Addrs, o.Listen.Mode = []string{"unix:" + path}, 0o640
	s := launch(t, config{Options: o}).up(2)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestInherited: descriptors that are no listening sockets are refused, and others are served instead of Addrs.
func TestInherited(t *testing.T) {
	for script, want := range map[string]string{
		`exec 3</dev/null; LISTEN_FDS=1 LISTEN_FDNAMES=web LISTEN_PID=$$ exec "$0"`: `inherited descriptor 3 of 1 ("web") is not a socket: want listening sockets only`,
		`exec 3<&-; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0"`:                           `inherited descriptor 3 of 1 ("") is not`, // open, or the runtime's own
		`LISTEN_FDS=-1 LISTEN_PID=$$ exec "$0"`:                                     `LISTEN_FDS in the environment is "-1"`,
		`LISTEN_FDS="1 " LISTEN_PID=$$ exec "$0"`:                                   `LISTEN_FDS in the environment is "1 "`,
		`LISTEN_FDS=99999999999999999999 LISTEN_PID=$$ exec "$0"`:                   `LISTEN_FDS in the environment is "99999999999999999999"`,
		`LISTEN_PID=$$ exec "$0"`:                                                   `LISTEN_FDS in the environment is ""`,
		`PEREGRINE_CHILD=null exec "$0"`:                                            `LISTEN_FDS in the environment is ""`,
		`PEREGRINE_CHILD=x exec "$0"`:                                               "it is not for you to set",
	} {
		s := launchBy(t, []string{"/bin/sh", "-c", script}, config{Options: options(2)})
		require.Equal(t, 1, s.exits())
		require.Contains(t, s.text(), want)
	}
	for _, none := range []string{`LISTEN_FDS=1 LISTEN_PID=1 exec "$0"`, `LISTEN_FDS=1 LISTEN_PID="$$ " exec "$0"`, `LISTEN_FDS=1 exec "$0"`, `LISTEN_FDS=0 LISTEN_FDNAMES= LISTEN_PID=$$ exec "$0"`} {
		s := launchBy(t, []string{"/bin/sh", "-c", none}, config{Options: options(2)}).up(2) // for another process, or none
		s.kill(syscall.SIGTERM)
		require.Equal(t, 0, s.exits())
	}
}
