package process

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProcessUsageGrowsWithWork(t *testing.T) {
	from, err := OwnUsage()
	require.NoError(t, err)
	for {
		now, err := OwnUsage()
		require.NoError(t, err)
		require.True(t, now.Known)
		require.GreaterOrEqual(t, now.Sum, from.Sum)
		if now.Sum >= from.Sum+20*time.Millisecond {
			return
		}
	}
}

func TestProcessUsageOfNobody(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	require.NoError(t, cmd.Run())
	_, _, err := usageOf(cmd.Process.Pid)
	require.ErrorContains(t, err, "CPU time of process")
	_, err = residentOf(cmd.Process.Pid)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestResidentBytes(t *testing.T) {
	from, err := residentOf(os.Getpid())
	require.NoError(t, err)
	b := bytes.Repeat([]byte{1}, 32<<20)
	to, err := residentOf(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, to-from, int64(len(b)/2))
}

func TestSplitCPUs(t *testing.T) {
	server, loader := SplitCPUs([]int{0}, 1)
	require.Nil(t, server)
	require.Nil(t, loader)
	server, loader = SplitCPUs([]int{4000, 4001}, 1)
	require.Equal(t, []int{4000}, server)
	require.Equal(t, []int{4001}, loader)
	server, loader = SplitCPUs([]int{4000, 4001}, 2)
	require.Nil(t, server)
	require.Nil(t, loader)
}

func TestStartOnPins(t *testing.T) {
	cpus := AllowedCPUs()
	require.NotEmpty(t, cpus)
	last := cpus[len(cpus)-1]
	cmd := exec.Command("grep", "Cpus_allowed_list", "/proc/self/status")
	var out bytes.Buffer
	cmd.Stdout = &out
	require.NoError(t, StartOn(cmd, []int{last}))
	require.NoError(t, cmd.Wait())
	require.Equal(t, strconv.Itoa(last), strings.Fields(out.String())[1])
	require.Equal(t, cpus, AllowedCPUs()) // and this process is as free as before
}

// A comparison pins itself too, every thread of it.
func TestMoveTo(t *testing.T) {
	cpus := AllowedCPUs()
	defer func() { require.NoError(t, MoveTo(cpus)) }()
	require.NoError(t, MoveTo(cpus[:1]))
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	require.NoError(t, err)
	for _, f := range tasks {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		_, rest, _ := strings.Cut(string(b), "Cpus_allowed_list:")
		require.Equal(t, strconv.Itoa(cpus[0]), strings.Fields(rest)[0])
	}
}

func TestUsageSplit(t *testing.T) {
	from := Usage{Sum: 100 * time.Millisecond, user: 9, system: 1, Known: true}
	// Between two readings the proportion may turn over; neither part may come out negative.
	to := Usage{Sum: 200 * time.Millisecond, user: 9, system: 11, Known: true}
	user, system, ok := to.Minus(from).Split()
	require.True(t, ok)
	require.Zero(t, user)
	require.Equal(t, 100*time.Millisecond, system)
	_, _, ok = from.Minus(from).Split()
	require.False(t, ok)
	require.False(t, to.Minus(Usage{}).Known)
}

// What a command has started is measured with it.
func TestReadProcessCountsDescendants(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; read x'; true")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 5)) // the inner shell has done its work, and waits
	require.NoError(t, err)
	require.Len(t, Descendants(cmd.Process.Pid), 2)
	all, err := StateOf(cmd.Process.Pid)
	require.NoError(t, err)
	alone, _, err := usageOf(cmd.Process.Pid)
	require.NoError(t, err)
	require.Greater(t, all.CPU.Sum, 2*alone.Sum)
	require.True(t, all.Switches)
	both, err := memoryOf(cmd.Process.Pid)
	require.NoError(t, err)
	one, err := residentOf(cmd.Process.Pid)
	require.NoError(t, err)
	require.Greater(t, both, one)
	in.Close()
	require.NoError(t, cmd.Wait())
	_, err = StateOf(cmd.Process.Pid)
	require.Error(t, err)
}

func TestContextSwitches(t *testing.T) {
	runtime.LockOSThread() // a thread that ends takes its count with it
	defer runtime.UnlockOSThread()
	self := syscall.Gettid()
	from, _, err := contextSwitches(self)
	require.NoError(t, err)
	for range 50 {
		var err error = syscall.EINTR // by the runtime, which wakes threads by signals
		for err == syscall.EINTR {
			err = syscall.Nanosleep(&syscall.Timespec{Nsec: 1000}, nil)
		}
		require.NoError(t, err)
	}
	to, _, err := contextSwitches(self)
	require.NoError(t, err)
	require.GreaterOrEqual(t, to-from, int64(50))
	_, _, err = contextSwitches(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A process that has ended takes nothing with it: what it used stands in its parent.
func TestStateKeepsWhatEnded(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'echo begun; read x; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; echo ended; read x; true")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	out := bufio.NewReader(pipe)
	require.NoError(t, cmd.Start())
	_, err = out.ReadString('\n')
	require.NoError(t, err)
	from, err := StateOf(cmd.Process.Pid)
	require.NoError(t, err)
	require.Len(t, from.pids, 2)
	in.Write([]byte("\n"))
	_, err = out.ReadString('\n')
	require.NoError(t, err)
	to, err := StateOf(cmd.Process.Pid)
	require.NoError(t, err)
	require.Len(t, to.pids, 1)
	used := to.Minus(from)
	require.True(t, used.CPU.Known)
	require.GreaterOrEqual(t, used.CPU.Sum, 2*tick)
	in.Close()
	require.NoError(t, cmd.Wait())
	to.ended = from.ended
	require.False(t, to.Minus(from).CPU.Known) // nobody has its time
}
