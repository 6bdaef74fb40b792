package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A server that dies is started again and left out of the scenario; the others go on, and the exit code says so.
func TestCompareGoesOnWithoutAServerThatFails(t *testing.T) {
	stayPut(t)
	t.Setenv(asBench, "1")
	t.Setenv("TMPDIR", t.TempDir()) // a killed server leaves its files
	var killed atomic.Bool
	w := writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "json, 8 connections: net/http") && killed.CompareAndSwap(false, true) {
			for _, pid := range descendants(os.Getpid()) {
				if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); bytes.Contains(b, []byte("-server\x00net/http\x00")) {
					require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
				}
			}
		}
		return len(p), nil
	})
	var stdout, stderr bytes.Buffer
	code := bench(t.Context(), env{nil, &stdout, io.MultiWriter(&stderr, w)}, append([]string{"-scenarios", "plaintext,json,blocking"}, quick...))
	require.Equal(t, 1, code, "%s%s", &stdout, &stderr)
	require.Contains(t, stderr.String(), "failed: json, net/http:")
	require.Regexp(t, `json, 8 connections +adapter \S*`, stdout.String())
	require.Regexp(t, `blocking mix: 6 on plaintext +net/http .*\n +adapter `, stdout.String())
}
