//go:build linux || darwin

package processes_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDrain(t *testing.T) {
	s := launch(t, config{Options: options(2)}).up(2)
	idle, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	defer idle.Close()
	_, err = idle.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	buf := make([]byte, 1000)
	n, err := idle.Read(buf)
	require.NoError(t, err)
	require.NotContains(t, string(buf[:n]), "Connection: close")
	body, answer := s.laterThan()
	s.says(1, "sleeping in")
	s.kill(syscall.SIGTERM)
	eventually(t, "connections to be refused", s.refused)
	answer()
	_, err = parseAnswer(<-body)
	require.NoError(t, err)
	_, err = idle.Read(buf)
	require.Error(t, err)
	require.Equal(t, 0, s.exits())
}

func TestGrace(t *testing.T) {
	for name, grace := range map[string]time.Duration{"bound": 100 * time.Millisecond, "second signal": time.Hour} {
		t.Run(name, func(t *testing.T) {
			o := options(2)
			o.Grace = grace
			s := launch(t, config{Options: o}).up(2)
			failed := make(chan error)
			go func() {
				_, err := s.get("/sleep/3600000")
				failed <- err
			}()
			s.says(1, "sleeping in")
			s.kill(syscall.SIGTERM)
			s.says(1, "processes: draining")
			if grace == time.Hour {
				s.kill(syscall.SIGTERM) // together with the first it is one
				eventually(t, "the cut", func() bool {
					s.cmd.Process.Signal(syscall.SIGTERM)
					return strings.Contains(s.text(), "processes: cutting\"")
				})
			}
			require.Error(t, <-failed)
			require.Equal(t, 0, s.exits())
		})
	}
}

func TestStorm(t *testing.T) {
	for change, want := range map[syscall.Signal]string{syscall.SIGHUP: "replacement done", syscall.SIGUSR2: "has taken over"} {
		t.Run(change.String(), func(t *testing.T) {
			o := options(2)
			if change == syscall.SIGUSR2 {
				o.Linger = time.Second // the storm ends before the first master does, for then signals do what the system has them do
			}
			s := launch(t, config{Options: o}).up(2)
			over := make(chan struct{})
			end := sync.OnceFunc(func() { close(over) })
			defer end()
			var storm sync.WaitGroup
			for _, sig := range []syscall.Signal{change, change, syscall.SIGUSR1} {
				storm.Go(func() {
					for {
						select {
						case <-over:
							return
						default:
							s.cmd.Process.Signal(sig)
						}
					}
				})
			}
			s.says(1, want)
			if change == syscall.SIGUSR2 { // the first master ends by itself
				end()
				storm.Wait()
				require.NoError(t, syscall.Kill(s.successor(s.cmd.Process.Pid), syscall.SIGTERM))
			} else {
				s.says(3, want)
				s.kill(syscall.SIGTERM)
			}
			s.says(1, "processes: draining\"")
			end()
			storm.Wait()
			require.Equal(t, 0, s.exits())
		})
	}
}

func TestSignalToAll(t *testing.T) {
	for _, first := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR2} {
		t.Run(first.String(), func(t *testing.T) {
			o := options(2)
			o.Grace = time.Hour
			s := launch(t, config{Options: o}).up(2)
			body, answer := s.laterThan()
			worker, err := strconv.Atoi(s.says(1, `sleeping in (\d+)`)[0][1])
			require.NoError(t, err)
			all := []int{worker}
			s.kill(first)
			if first == syscall.SIGUSR2 {
				s.says(1, "has taken over: draining")
				all = append(all, s.cmd.Process.Pid, s.successor(s.cmd.Process.Pid))
			} else {
				eventually(t, "connections to be refused", s.refused)
			}
			for _, pid := range all {
				require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
			}
			time.Sleep(300 * time.Millisecond) // for a cut, which must not come
			answer()
			_, err = parseAnswer(<-body)
			require.NoError(t, err)
			require.Equal(t, 0, s.exits())
		})
	}
}

func TestLingerIsTimeThatPasses(t *testing.T) {
	for _, server := range []string{"", "native", "http"} {
		o := options(1)
		o.Master, o.Linger = true, 200*time.Millisecond
		s := launch(t, config{Options: o, Server: server}).up(1)
		var clients []net.Conn
		for range 300 {
			c, err := net.Dial("tcp", s.addr)
			require.NoError(t, err)
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			clients = append(clients, c)
		}
		ask := func() {
			for _, c := range clients {
				_, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
				require.NoError(t, err)
			}
		}
		answered := func(last bool) (a answer) {
			for i, c := range clients {
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				require.NoError(t, err, "%q, %d", server, i)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.Equal(t, last, resp.Close)
				a, err = parseAnswer(string(body))
				require.NoError(t, err)
			}
			return a
		}
		ask()
		worker := answered(false).pid
		s.kill(syscall.SIGTERM)
		eventually(t, "connections to be refused", s.refused)
		require.NoError(t, syscall.Kill(worker, syscall.SIGSTOP))
		ask()
		time.Sleep(2 * o.Linger)
		require.NoError(t, syscall.Kill(worker, syscall.SIGCONT))
		answered(true)
		require.Equal(t, 0, s.exits())
	}
}

func TestMasterVanishes(t *testing.T) {
	s := launch(t, config{Options: options(2)}).up(2)
	body := s.later("/sleep/500")
	s.says(1, "sleeping in")
	s.kill(syscall.SIGKILL)
	_, err := parseAnswer(<-body)
	require.NoError(t, err)
	require.Equal(t, -1, s.exits())
	s.says(2, "the master is gone")
}

func TestOrphans(t *testing.T) {
	o := options(2)
	o.Linger, o.Grace = -1, time.Nanosecond
	s := launch(t, config{Options: o, Server: "deaf"}).up(2)
	s.kill(syscall.SIGKILL)
	require.Equal(t, -1, s.exits())
	s.says(2, "the master is gone and this worker has not drained in time: ending it by force")
}
