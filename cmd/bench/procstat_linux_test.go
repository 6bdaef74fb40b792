package main

import (
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
	from, err := processUsage(os.Getpid())
	require.NoError(t, err)
	for {
		now, err := processUsage(os.Getpid())
		require.NoError(t, err)
		require.True(t, now.known)
		require.GreaterOrEqual(t, now.sum, from.sum)
		if now.sum >= from.sum+20*time.Millisecond {
			return
		}
	}
}

func TestProcessUsageOfNobody(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	require.NoError(t, cmd.Run())
	_, err := processUsage(cmd.Process.Pid)
	require.ErrorContains(t, err, "CPU time of process")
	_, err = residentBytes(cmd.Process.Pid)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestResidentBytes(t *testing.T) {
	from, err := residentBytes(os.Getpid())
	require.NoError(t, err)
	b := bytes.Repeat([]byte{1}, 32<<20)
	to, err := residentBytes(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, to-from, int64(len(b)/2))
}

func TestSplitCPUs(t *testing.T) {
	server, loader := splitCPUs([]int{0}, 1)
	require.Nil(t, server)
	require.Nil(t, loader)
	server, loader = splitCPUs([]int{4000, 4001}, 1)
	require.Equal(t, []int{4000}, server)
	require.Equal(t, []int{4001}, loader)
	server, loader = splitCPUs([]int{4000, 4001}, 2)
	require.Nil(t, server)
	require.Nil(t, loader)
}

func TestStartOnPins(t *testing.T) {
	cpus := allowedCPUs()
	require.NotEmpty(t, cpus)
	last := cpus[len(cpus)-1]
	cmd := exec.Command("grep", "Cpus_allowed_list", "/proc/self/status")
	var out bytes.Buffer
	cmd.Stdout = &out
	require.NoError(t, startOn(cmd, []int{last}))
	require.NoError(t, cmd.Wait())
	require.Equal(t, strconv.Itoa(last), strings.Fields(out.String())[1])
	require.Equal(t, cpus, allowedCPUs()) // and this process is as free as before
}

// A comparison pins itself too, every thread of it.
func TestMoveTo(t *testing.T) {
	cpus := allowedCPUs()
	defer func() { require.NoError(t, moveTo(cpus)) }()
	require.NoError(t, moveTo(cpus[:1]))
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
	from := usage{sum: 100 * time.Millisecond, user: 9, system: 1, known: true}
	// Between two readings the proportion may turn over; neither part may come out negative.
	to := usage{sum: 200 * time.Millisecond, user: 9, system: 11, known: true}
	user, system, ok := to.minus(from).split()
	require.True(t, ok)
	require.Zero(t, user)
	require.Equal(t, 100*time.Millisecond, system)
	_, _, ok = from.minus(from).split()
	require.False(t, ok)
	require.False(t, to.minus(usage{}).known)
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
	require.Len(t, descendants(cmd.Process.Pid), 2)
	all, err := readProcess(cmd.Process.Pid)
	require.NoError(t, err)
	alone, err := processUsage(cmd.Process.Pid)
	require.NoError(t, err)
	require.Greater(t, all.cpu.sum, 2*alone.sum)
	require.True(t, all.switches)
	both, err := processMemory(cmd.Process.Pid)
	require.NoError(t, err)
	one, err := residentBytes(cmd.Process.Pid)
	require.NoError(t, err)
	require.Greater(t, both, one)
	in.Close()
	require.NoError(t, cmd.Wait())
	_, err = readProcess(cmd.Process.Pid)
	require.Error(t, err)
}

func TestContextSwitches(t *testing.T) {
	runtime.LockOSThread() // a thread that ends takes its count with it
	defer runtime.UnlockOSThread()
	self := syscall.Gettid()
	from, _, err := contextSwitches(self)
	require.NoError(t, err)
	for range 50 {
		require.NoError(t, syscall.Nanosleep(&syscall.Timespec{Nsec: 1000}, nil))
	}
	to, _, err := contextSwitches(self)
	require.NoError(t, err)
	require.GreaterOrEqual(t, to-from, int64(50))
	_, _, err = contextSwitches(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
}
