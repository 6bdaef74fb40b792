//go:build linux || darwin

package processes_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/processes"
)

// load is clients that ask without end, and judge every answer.
type load struct {
	s    *service
	stop chan struct{}
	next atomic.Uint64 // requests have numbers, which answers repeat

	clients sync.WaitGroup

	mu                    sync.Mutex
	requests, connections int
	failures              []failure
	pids                  map[int]int // answers by process
	masters               map[int]int
	slowest               time.Duration // from the beginning of a connection to its first answer
}

// failure is a request that has not been answered as it should have been.
type failure struct {
	number int // of the request on its connection, from 0
	pid    int // of the worker that the connection belongs to, if it has answered before
	what   string
}

func (f failure) String() string {
	if f.pid == 0 {
		return fmt.Sprintf("first request of a connection: %s", f.what)
	}
	return fmt.Sprintf("request %d of a connection of process %d: %s", f.number, f.pid, f.what)
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

// session is a connection, until the server says that it ends, or n answers, or the end of the load.
func (l *load) session(n int) {
	var f failure
	begun := time.Now()
	c, err := net.Dial("tcp", l.s.addr)
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(2 * patience))
		l.mu.Lock()
		l.connections++
		l.mu.Unlock()
		for in := bufio.NewReader(c); f.number < n; f.number++ {
			var pid int
			var last bool
			if pid, last, err = l.request(c, in); err != nil || last || l.stopped() {
				break
			}
			f.pid = pid
			if f.number == 0 {
				l.mu.Lock()
				l.slowest = max(l.slowest, time.Since(begun))
				l.mu.Unlock()
			}
		}
	}
	if err != nil {
		f.what = err.Error()
		l.mu.Lock()
		l.failures = append(l.failures, f)
		l.mu.Unlock()
	}
}

// request asks once. It returns who has answered, and whether that was the connection's last answer.
func (l *load) request(c net.Conn, in *bufio.Reader) (pid int, last bool, err error) {
	number := l.next.Add(1)
	if _, err := fmt.Fprintf(c, "GET /?%d HTTP/1.1\r\nHost: x\r\n\r\n", number); err != nil {
		return 0, false, err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, false, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, false, err
	}
	a, err := parseAnswer(string(body))
	if err != nil || resp.StatusCode != 200 || a.echo != fmt.Sprint(number) || in.Buffered() > 0 {
		return 0, false, fmt.Errorf("request %d has the answer %s %q, and %d bytes too many", number, resp.Status, body, in.Buffered())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	l.pids[a.pid]++
	l.masters[a.master]++
	return a.pid, resp.Close, nil
}

// end stops the clients.
func (l *load) end() {
	if !l.stopped() {
		close(l.stop)
	}
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

// answered waits until n requests have been.
func (l *load) answered(n int) {
	for end, done := time.Now().Add(10*patience), 0; done < n && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		done = l.requests
		l.mu.Unlock()
	}
}

// long reports whether the tests under load are to run as long as what they show deserves: a minute and more for each.
func long() bool { return os.Getenv("PEREGRINE_PROCESSES_LONG") != "" }

// TestReplaceUnderLoad: all workers are replaced, and the program, while clients ask; no request fails, is cut, or answered
// twice.
func TestReplaceUnderLoad(t *testing.T) {
	rolling, whole, least := 2, 1, 1
	if long() {
		rolling, whole, least = 20, 10, 500_000
	}
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
			defer l.end()
			master, drained := s.cmd.Process.Pid, 0
			for i := range rolling {
				require.NoError(t, syscall.Kill(master, syscall.SIGHUP))
				s.says(i+1, "processes: replacement done")
				l.seen(2 + 2*(i+1))
				drained += 2
				s.says(drained, "processes: drained: worker")
			}
			for i := range whole {
				require.NoError(t, syscall.Kill(master, syscall.SIGUSR2))
				s.says(i+1, "has taken over: draining")
				drained += 2
				s.says(drained, "processes: drained: worker")
				eventually(t, "answers of the new master's workers", func() bool { return s.ask().master != master })
				master = s.ask().master
			}
			l.answered(least)
			l.end()
			t.Logf("%d requests on %d connections, answered by %d workers of %d masters, %d failed; the longest wait for a first answer: %v",
				l.requests, l.connections, len(l.pids), len(l.masters), len(l.failures), l.slowest)
			require.Empty(t, l.failures)
			require.Greater(t, l.requests, l.connections)
			require.Len(t, l.masters, 1+whole)
			require.NoError(t, syscall.Kill(master, syscall.SIGTERM))
			require.Equal(t, 0, s.exits())
		})
	}
}

// TestKilledUnderLoad: with a socket for each worker, what is lost when workers are killed is what was open in them, and
// nobody is refused.
func TestKilledUnderLoad(t *testing.T) {
	kills, least := 2, 1
	if long() {
		kills, least = 30, 500_000
	}
	o := options(2)
	o.Young = time.Nanosecond
	s := launch(t, config{Options: o}).up(2)
	l := startLoad(s)
	defer l.end()
	var killed []int
	for len(killed) < kills {
		victim := s.askAll(2)[rand.IntN(2)].pid
		require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
		killed = append(killed, victim)
		s.says(2+len(killed), "processes: ready: worker")
		l.seen(2 + len(killed))
	}
	l.answered(least)
	l.end()
	first := 0
	for _, f := range l.failures {
		if f.pid == 0 {
			first++
		} else {
			require.Contains(t, killed, f.pid, f.String())
		}
		require.NotContains(t, f.what, "refused")
		require.NotContains(t, f.what, "has the answer")
	}
	t.Logf("%d requests on %d connections, %d failed with %d kills, of those %d the first of their connection; the longest wait for a first answer: %v",
		l.requests, l.connections, len(l.failures), kills, first, l.slowest)
	for _, f := range l.failures {
		t.Log(f)
	}
	require.LessOrEqual(t, len(l.failures), kills*(64+10))
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestQueueOutlivesWorker: whoever waits in the queue of a worker that has died is answered by its successor.
func TestQueueOutlivesWorker(t *testing.T) {
	o := options(2)
	o.RespawnMin = 300 * time.Millisecond // it is young
	s := launch(t, config{Options: o}).up(2)
	before := s.askAll(2)
	require.NoError(t, syscall.Kill(before[1].pid, syscall.SIGKILL))
	s.says(1, "has ended: signal: killed")
	const n = 40 // some of them come to its queue
	answers := make(chan answer, n)
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() {
			body, err := s.get("/")
			a, perr := parseAnswer(body)
			if err != nil || perr != nil {
				t.Errorf("%v, %v", err, perr)
			}
			answers <- a
		})
	}
	clients.Wait()
	close(answers)
	count := map[int]int{}
	for a := range answers {
		require.NotEqual(t, before[1].pid, a.pid)
		count[a.index]++
	}
	require.Len(t, count, 2, count)
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}
