//go:build linux || darwin

package servers_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// TestServeProcesses: every kind of server serves in several processes, and they end in order.
func TestServeProcesses(t *testing.T) {
	for _, name := range []string{"net/http", "native", "adapter", "fasthttp", "nbio", "hertz"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			cmd := benchtest.Process(t, "serve", "-processes", "2", "-server", name, "-addr", "127.0.0.1:0")
			cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { cmd.Process.Kill() }) // an error if it has ended, as it should have
			line, err := bufio.NewReader(out).ReadString('\n')
			require.NoError(t, err)
			url := "http://" + strings.TrimSpace(strings.TrimPrefix(line, process.Listening)) + "/plaintext"
			// Each has a connection of its own, for a process of its own, and none ends before all have begun: nbio mistakes who
			// comes for who leaves (see compare's nbioTries).
			var clients [20]http.Client
			for i := range clients {
				clients[i].Transport = new(http.Transport)
				resp, err := clients[i].Get(url)
				require.NoError(t, err, name)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err, name)
				require.Equal(t, servers.Plaintext, string(body), name)
				resp.Body.Close()
			}
			for i := range clients {
				clients[i].CloseIdleConnections()
			}
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			require.NoError(t, cmd.Wait(), name)
			left, err := os.ReadDir(tmp)
			require.NoError(t, err)
			require.Empty(t, left, name)
		})
	}
}

func TestServeProcessesRefused(t *testing.T) {
	for flags, want := range map[string]string{
		"-processes 2 -control":       "-processes and -admin do not go with",
		"-processes -1":               "-processes -1: want 1 or more, or 0",
		"-processes 2 -share equally": `-share "equally": want per-worker or shared`,
	} {
		code, _, stderr := runBench(t.Context(), append([]string{"serve"}, strings.Fields(flags)...)...)
		require.Equal(t, 2, code, flags)
		require.Contains(t, stderr, want)
	}
}
