//go:build linux || darwin

package processes_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/processes"
)

// load is clients that ask without end, and judge every answer.
type load struct {
	s       *service
	stop    chan struct{}
	clients sync.WaitGroup

	mu                    sync.Mutex
	requests, connections int
	failures              []string
	pids                  map[int]int // answers by process
	masters               map[int]int
}

// startLoad has 64 connections ask as fast as they are answered, and one more every 5 ms ask once. None of them asks again
// after a failure without it being counted.
func startLoad(s *service) *load {
	l := &load{s: s, stop: make(chan struct{}), pids: map[int]int{}, masters: map[int]int{}}
	for range 64 {
		l.clients.Go(func() {
			for !l.stopped() {
				l.session(1 << 30)
			}
		})
	}
	l.clients.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for !l.stopped() {
			<-tick.C
			l.clients.Go(func() { l.session(1) })
		}
	})
	return l
}

func (l *load) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, fmt.Sprintf(format, args...))
}

// session is a connection, until the server says that it ends, or n answers, or the end of the load.
func (l *load) session(n int) {
	c, err := net.Dial("tcp", l.s.addr)
	if err != nil {
		l.fail("connect: %v", err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * patience))
	l.mu.Lock()
	l.connections++
	l.mu.Unlock()
	in := bufio.NewReader(c)
	for i := range n {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			l.fail("request %d of a connection: %v", i, err)
			return
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			l.fail("request %d of a connection: %v", i, err)
			return
		}
		body, err := io.ReadAll(resp.Body)
		a, perr := parseAnswer(string(body))
		if err != nil || perr != nil || resp.StatusCode != 200 || in.Buffered() > 0 {
			l.fail("request %d of a connection: %v, %v, %d bytes too many, %v %q", i, err, perr, in.Buffered(), resp.Status, body)
			return
		}
		l.mu.Lock()
		l.requests++
		l.pids[a.pid]++
		l.masters[a.master]++
		l.mu.Unlock()
		if resp.Close || l.stopped() {
			return
		}
	}
}

// end stops the clients.
func (l *load) end() {
	close(l.stop)
	l.clients.Wait()
}

// seen waits until n processes have answered in all.
func (l *load) seen(n int) {
	eventually(l.s.t, fmt.Sprintf("answers of %d processes", n), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.pids) >= n
	})
}

// rounds is how many replacements the tests under load make: PEREGRINE_REPLACEMENTS, or a few.
func rounds(t *testing.T) int {
	if text := os.Getenv("PEREGRINE_REPLACEMENTS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	return 2
}

// TestReplaceUnderLoad: all workers are replaced, and the program, while clients ask; no request fails.
func TestReplaceUnderLoad(t *testing.T) {
	for _, c := range []struct {
		name, server string
		share        processes.Share
	}{
		{"per worker", "", processes.PerWorker},
		{"shared", "", processes.Shared},
		{"native", "native", processes.PerWorker},
		{"net/http", "http", processes.PerWorker},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(2)
			o.Share, o.Linger = c.share, 500*time.Millisecond
			s := launch(t, config{Options: o, Server: c.server}).up(2)
			l := startLoad(s)
			defer func() {
				if !l.stopped() {
					l.end()
				}
			}()
			n := rounds(t)
			for i := range n {
				s.kill(syscall.SIGHUP)
				s.says(i+1, "processes: replacement done")
				l.seen(4 + 2*i)
				s.says(2*i+2, "processes: drained: worker")
			}
			master, begun := s.cmd.Process.Pid, 2*n
			for i := range max(1, n/2) {
				require.NoError(t, syscall.Kill(master, syscall.SIGUSR2))
				s.says(i+1, "has taken over: draining")
				begun += 2
				s.says(begun, "processes: drained: worker")
				eventually(t, "answers of the new master's workers", func() bool { return s.ask().master != master })
				master = s.ask().master
			}
			l.end()
			t.Logf("%d requests on %d connections, answered by %d workers of %d masters", l.requests, l.connections, len(l.pids), len(l.masters))
			require.Empty(t, l.failures)
			require.Greater(t, l.requests, l.connections)
			require.Len(t, l.masters, 1+max(1, n/2))
			require.NoError(t, syscall.Kill(master, syscall.SIGTERM))
			require.Equal(t, 0, s.exits())
		})
	}
}

// TestKilledUnderLoad: with a socket for each worker, what is lost when workers are killed is what was open in them, and
// nobody is refused.
func TestKilledUnderLoad(t *testing.T) {
	o := options(2)
	o.Young = time.Nanosecond
	s := launch(t, config{Options: o}).up(2)
	l := startLoad(s)
	kills := 0
	for range rounds(t) {
		for i, a := range s.askAll(2) {
			if i == kills%2 {
				require.NoError(t, syscall.Kill(a.pid, syscall.SIGKILL))
			}
		}
		kills++
		s.says(2+kills, "processes: ready: worker")
		l.seen(2 + kills)
	}
	l.end()
	t.Logf("%d requests on %d connections, %d failed with %d kills", l.requests, l.connections, len(l.failures), kills)
	for _, f := range l.failures {
		require.NotContains(t, f, "connect:")
	}
	require.LessOrEqual(t, len(l.failures), kills*(64+10))
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestBalance: a thousand connections, spread over four workers.
func TestBalance(t *testing.T) {
	s := launch(t, config{Options: options(4)}).up(4)
	count := map[int]int{}
	for range 1000 {
		count[s.ask().index]++
	}
	t.Log(count)
	for index, n := range count {
		require.LessOrEqual(t, n, 375, "worker %d", index)
	}
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

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

// TestOneChangeAtATime: a replacement that is asked for during another one comes after it, a new program does not.
func TestOneChangeAtATime(t *testing.T) {
	s := launch(t, config{Options: options(2)}).up(2)
	s.kill(syscall.SIGHUP)
	s.says(1, "processes: replacement begins")
	s.kill(syscall.SIGHUP)
	s.says(1, "going to be replaced after what is under way")
	s.kill(syscall.SIGUSR2)
	s.says(1, "not replacing the program: one change at a time")
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

// TestSocketActivation: a program that is started for a connection finds the socket, and the connection.
func TestSocketActivation(t *testing.T) {
	activate, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("needs systemd-socket-activate")
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
