package servers_test

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

func TestServeWithoutParentEnds(t *testing.T) {
	cmd := benchtest.Process(t, "serve", "-control", "-server", "net/http", "-addr", "127.0.0.1:0")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 64)
	n, err := out.Read(line)
	require.NoError(t, err)
	addr := strings.TrimSpace(strings.TrimPrefix(string(line[:n]), process.Listening))
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	conn.Close()
	in.Close()
	require.NoError(t, cmd.Wait())
}

func TestServeAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	code, _, stderr := runBench(t.Context(), "serve", "-addr", l.Addr().String())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, l.Addr().String())
}

// serve ends in order when it is told to, and leaves no files.
func TestServeStops(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(t.Context())
	w := benchtest.WriterFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	require.Equal(t, 0, bench.Run(ctx, command.Env{Stdout: w, Stderr: io.Discard}, []string{"serve", "-server", "net/http", "-addr", "127.0.0.1:0"}))
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}
