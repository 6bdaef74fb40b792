//go:build linux || darwin

package processes_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/processes"
)

// TestRespawn: a worker that dies has a successor, on the same socket; no dead one stays as a zombie.
func TestRespawn(t *testing.T) {
	o := options(2)
	o.Young = time.Nanosecond // nobody is young
	s := launch(t, config{Options: o}).up(2)
	before := s.askAll(2)
	require.NoError(t, syscall.Kill(before[0].pid, syscall.SIGKILL))
	s.says(3, "processes: ready: worker")
	_, err := s.get("/exit") // whoever gets it
	require.Error(t, err)
	s.says(4, "processes: ready: worker")
	s.says(1, "has ended: signal: killed")
	s.says(1, "has ended: exit status 3")
	after := s.askAll(2)
	require.NotEqual(t, before[0].pid, after[0].pid)
	require.Equal(t, 1, after[0].generation)
	require.Empty(t, zombies(t, s.cmd.Process.Pid))
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestLeaves: a worker that was told to end by somebody else has a successor at once, or who comes to its socket would wait until
// it has finished.
func TestLeaves(t *testing.T) {
	o := options(2)
	o.Grace = time.Hour
	s := launch(t, config{Options: o}).up(2)
	failed := make(chan error)
	go func() {
		_, err := s.get("/sleep/3600000")
		failed <- err
	}()
	worker, err := strconv.Atoi(s.says(1, `sleeping in (\d+)`)[0][1])
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(worker, syscall.SIGTERM))
	s.says(3, "processes: ready: worker")
	for _, a := range s.askAll(2) {
		require.NotEqual(t, worker, a.pid)
	}
	eventually(t, "the cut", func() bool { // a second signal, later
		syscall.Kill(worker, syscall.SIGTERM)
		select {
		case err := <-failed:
			return err != nil
		default:
			return false
		}
	})
	s.says(1, "processes: drained: worker")
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
	require.NotContains(t, s.text(), "young_deaths")
}

// zombies returns the children of a process that have ended and have not been waited for.
func zombies(t *testing.T, parent int) (pids []string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("needs /proc")
	}
	for _, e := range entries {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[0] == "Z" && f[1] == strconv.Itoa(parent) {
			pids = append(pids, e.Name())
		}
	}
	return pids
}

// TestNothingGrows: what a master has of workers goes with them.
func TestNothingGrows(t *testing.T) {
	times := 3
	if long() {
		times = 100
	}
	o := options(1)
	o.Master, o.Linger, o.Young = true, -1, time.Nanosecond
	s := launch(t, config{Options: o}).up(1)
	pid := s.cmd.Process.Pid
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
		if err != nil {
			t.Skip("needs /proc")
		}
		return len(entries)
	}
	turn := func(i int) {
		s.kill(syscall.SIGHUP)
		s.says(i, "processes: replacement done")
		s.says(i, "processes: drained: worker")
		worker := s.ask().pid
		require.NoError(t, syscall.Kill(worker, syscall.SIGKILL))
		s.says(1+2*i, "processes: ready: worker")
	}
	turn(1)
	before := descriptors()
	for i := range times {
		turn(2 + i)
	}
	eventually(t, "as few descriptors as before", func() bool { return descriptors() <= before })
	require.Empty(t, zombies(t, pid))
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestGivesUp: workers that die one after the other have their successors later and later, and at last none.
func TestGivesUp(t *testing.T) {
	o := options(1) // or one may die before the other is there, which is a start that fails
	o.Master, o.DeathsMax = true, 3
	s := launch(t, config{Options: o, Server: "dies when ready"})
	require.Equal(t, 1, s.exits())
	text := s.text()
	require.Contains(t, text, "processes: giving up: worker ")
	require.Contains(t, text, "has died 4 times in a row, each time before it was ready, or less than 10s after its start; the last time: worker ")
	require.Contains(t, text, "exit status 7")
	for _, wait := range []string{"next_in=20ms", "next_in=40ms", "next_in=80ms"} {
		require.Contains(t, text, wait)
	}
}

// TestNeverReadyAgain: a worker that does not even get ready is a bad sign, however long it takes to fail.
func TestNeverReadyAgain(t *testing.T) {
	o := options(2)
	o.Young, o.DeathsMax = time.Nanosecond, 3
	broken := filepath.Join(t.TempDir(), "broken")
	s := launch(t, config{Options: o, FailIf: broken}).up(2)
	victim := s.ask().pid
	require.NoError(t, os.WriteFile(broken, nil, 0o600))
	require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
	s.says(1, "giving up: worker . has died 4 times in a row, each time before it was ready, or less than 1ns after its start")
	require.Equal(t, 1, s.exits())
}

// TestHeir: the end of a worker is the end of its process, even if a program that it has started goes on with its end of the
// pipe.
func TestHeir(t *testing.T) {
	o := options(2)
	o.Young = time.Nanosecond
	s := launch(t, config{Options: o, Server: "heir"}).up(2)
	for _, heir := range s.says(2, `heir \(process (\d+)\)`) {
		pid, err := strconv.Atoi(heir[1])
		require.NoError(t, err)
		defer syscall.Kill(pid, syscall.SIGKILL)
	}
	require.NoError(t, syscall.Kill(s.ask().pid, syscall.SIGKILL))
	s.says(3, "processes: ready: worker")
	s.kill(syscall.SIGTERM)
	s.says(3, "program: end of process") // the master, too
	for _, heir := range s.says(3, `heir \(process (\d+)\)`) {
		pid, _ := strconv.Atoi(heir[1])
		syscall.Kill(pid, syscall.SIGKILL)
	}
	require.Equal(t, 0, s.exits())
}

// TestHung: a worker that gives no sign of life shows its stacks and is killed; one that cannot even do that is killed, too.
func TestHung(t *testing.T) {
	for _, way := range []string{"/hang", "/stop"} {
		t.Run(way[1:], func(t *testing.T) {
			o := options(2)
			o.HeartbeatTimeout = 400 * time.Millisecond
			s := launch(t, config{Options: o}).up(2)
			go s.get(way)
			s.says(1, "no sign of life from worker")
			if way == "/hang" {
				s.says(1, "SIGQUIT: quit")
				s.says(1, `processes_test\.\(\*config\)\.run`) // in the stacks
				s.says(1, "has ended: exit status 2: no sign of life for 400ms")
			} else {
				s.says(1, "has ended: signal: killed: no sign of life for 400ms")
			}
			s.says(3, "processes: ready: worker")
			s.kill(syscall.SIGTERM)
			require.Equal(t, 0, s.exits())
		})
	}
}

// TestPaused: time in which the master does not run, or nobody does, is no silence of the workers.
func TestPaused(t *testing.T) {
	o := options(2)
	o.HeartbeatTimeout = 400 * time.Millisecond
	s := launch(t, config{Options: o}).up(2)
	master := s.cmd.Process.Pid
	for _, pids := range [][]int{{master}, {master, s.askAll(2)[0].pid, s.askAll(2)[1].pid}} {
		for _, pid := range pids {
			require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		}
		time.Sleep(2 * o.HeartbeatTimeout)
		for _, pid := range pids {
			require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
		}
		time.Sleep(o.HeartbeatTimeout / 4)
	}
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
	require.NotContains(t, s.text(), "no sign of life")
}

// TestDump: all processes write their stacks and go on.
func TestDump(t *testing.T) {
	s := launch(t, config{Options: options(2)}).up(2)
	before := s.askAll(2)
	s.kill(syscall.SIGQUIT)
	s.says(1, `stacks of the master, process \d+`)
	s.says(1, `stacks of worker 0, process \d+`)
	s.says(1, `stacks of worker 1, process \d+`)
	require.Equal(t, before, s.askAll(2))
	s.kill(syscall.SIGUSR1)
	s.says(3, `reopened by \d+`)
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestReopenHangs: logs on a disk that does not answer keep nobody from draining, nor the master from its workers.
func TestReopenHangs(t *testing.T) {
	o := options(2)
	o.Grace = time.Hour
	s := launch(t, config{Options: o, Server: "reopen hangs"}).up(2)
	for range 3 {
		s.kill(syscall.SIGUSR1)
		require.NoError(t, syscall.Kill(s.ask().pid, syscall.SIGUSR1))
	}
	s.says(3, "reopening")
	s.kill(syscall.SIGHUP)
	s.says(1, "processes: replacement done")
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

// TestRecycleOneAtATime: however often, there are never fewer workers ready than there should be, nor more than one too many
// that are not draining.
func TestRecycleOneAtATime(t *testing.T) {
	o := options(2)
	o.RecycleAge, o.Admin = 100*time.Millisecond, filepath.Join(t.TempDir(), "admin")
	s := launch(t, config{Options: o}).up(2)
	for looks := 0; looks < 50 || strings.Count(s.text(), "processes: recycling done") < 5; looks++ {
		_, body := admin(t, o.Admin, "GET", "/status")
		var status processes.Status
		require.NoError(t, json.Unmarshal([]byte(body), &status))
		states := map[string]int{}
		for _, w := range status.Workers {
			states[w.State]++
		}
		require.Equal(t, 2, states["ready"], body)
		require.LessOrEqual(t, states["starting"], 1, body)
	}
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}

func TestRecycle(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		o := options(2)
		o.RecycleRequests, o.HeartbeatTimeout = 20, 600*time.Millisecond
		s := launch(t, config{Options: o}).up(2)
		for first := s.askAll(2); ; {
			if all := s.askAll(2); all[0].pid != first[0].pid && all[1].pid != first[1].pid {
				break
			}
		}
		s.says(2, `processes: recycling worker . .process \d+." requests=\d\d`)
		s.kill(syscall.SIGTERM)
		require.Equal(t, 0, s.exits())
	})
	t.Run("memory", func(t *testing.T) {
		o := options(1)
		o.Master, o.RecycleMemory, o.HeartbeatTimeout = true, 1, 600*time.Millisecond
		s := launch(t, config{Options: o}).up(1)
		s.says(2, `processes: recycling done`)
		s.kill(syscall.SIGTERM)
		require.Equal(t, 0, s.exits())
	})
	t.Run("fails", func(t *testing.T) { // and is tried again, but not at once
		o := options(1)
		o.Master, o.RecycleAge, o.RespawnMax = true, time.Nanosecond, 500*time.Millisecond
		broken := filepath.Join(t.TempDir(), "broken")
		s := launch(t, config{Options: o, FailIf: broken}).up(1)
		s.says(2, `processes: recycling done`)
		require.NoError(t, os.WriteFile(broken, nil, 0o600))
		s.says(1, "processes: recycling has failed")
		begun := time.Now()
		s.says(3, "processes: recycling has failed")
		require.NoError(t, os.Remove(broken))
		require.GreaterOrEqual(t, time.Since(begun), o.RespawnMax)
		done := len(s.says(2, `processes: recycling done`))
		s.says(done+1, `processes: recycling done`)
		s.kill(syscall.SIGTERM)
		require.Equal(t, 0, s.exits())
	})
	t.Run("age", func(t *testing.T) {
		o := options(2)
		o.RecycleAge = 300 * time.Millisecond
		s := launch(t, config{Options: o}).up(2)
		s.says(3, `processes: recycling done`)
		s.kill(syscall.SIGTERM)
		require.Equal(t, 0, s.exits())
	})
}
