package compare

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// A server that dies is started again and left out of the scenario; the others go on, and the exit code says so.
func TestCompareGoesOnWithoutAServerThatFails(t *testing.T) {
	stayPut(t)
	benchtest.Children(t)
	t.Setenv("TMPDIR", t.TempDir())
	var killed atomic.Bool
	w := benchtest.WriterFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "json, 8 connections: net/http") && killed.CompareAndSwap(false, true) {
			for _, pid := range process.Descendants(os.Getpid()) {
				if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); bytes.Contains(b, []byte("-server\x00net/http\x00")) {
					require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
				}
			}
		}
		return len(p), nil
	})
	var stdout, stderr bytes.Buffer
	code := bench.Run(t.Context(), command.Env{Stdout: &stdout, Stderr: io.MultiWriter(&stderr, w)}, append([]string{"-scenarios", "plaintext,json,blocking"}, quick...))
	require.Equal(t, 1, code, "%s%s", &stdout, &stderr)
	require.Contains(t, stderr.String(), "failed: json, net/http:")
	require.Regexp(t, `json, 8 connections +adapter \S*`, stdout.String())
	require.Regexp(t, `blocking mix: 6 on plaintext +net/http .*\n +adapter `, stdout.String())
}

// The interrupt of a terminal goes to the server too, which must not end before its parent has measured.
func TestInterruptPrintsWhatWasMeasured(t *testing.T) {
	t.Parallel() // in processes of its own
	cmd := benchtest.Process(t, append(quick, "-rounds", "50")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stdout, stderr bytes.Buffer
	said := make(chan struct{})
	cmd.Stdout = &stdout
	cmd.Stderr = benchtest.WriterFunc(func(p []byte) (int, error) {
		stderr.Write(p)
		if said != nil && strings.Contains(stderr.String(), "[5/") {
			close(said)
			said = nil
		}
		return len(p), nil
	})
	started := said
	require.NoError(t, cmd.Start())
	<-started
	require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
	cmd.Wait()
	require.Equal(t, 130, cmd.ProcessState.ExitCode(), "%s%s", &stdout, &stderr)
	require.Regexp(t, `plaintext, 8 connections +net/http +\d`, stdout.String())
	require.Contains(t, stderr.String(), "interrupted")
}

// Nothing that a comparison has started goes on when it is killed, not even what an external server's command has started.
func TestKilledLeavesNobody(t *testing.T) {
	t.Parallel() // in processes of its own
	self, err := os.Executable()
	require.NoError(t, err)
	addr := freeAddr(t)
	script := filepath.Join(t.TempDir(), "start")
	require.NoError(t, os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\n%s serve -server net/http -addr %s\necho over\n", self, addr), 0o755))
	tmp := t.TempDir()
	cmd := benchtest.Process(t, "compare", "-servers", "native", "-scenarios", "plaintext", "-d", "1h", "-external", "x=http://"+addr+","+script)
	cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
	said, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for lines := bufio.NewScanner(said); lines.Scan() && !strings.HasPrefix(lines.Text(), "[1/"); {
	}
	children := process.Descendants(cmd.Process.Pid)[1:]
	require.GreaterOrEqual(t, len(children), 4) // native, the script, its server, and who guards them
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	for _, pid := range children {
		require.Eventually(t, func() bool {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(b), ") Z ") // nobody may be there to bury it
		}, 20*time.Second, 10*time.Millisecond)
	}
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}
