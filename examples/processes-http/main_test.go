//go:build linux || darwin

package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t, "-processes", "2") }

// TestProcesses: they are as many as the environment says, whatever the flag says.
func TestProcesses(t *testing.T) {
	t.Setenv("PEREGRINE_PROCESSES", "3")
	addr := twin.Start(t, "-processes", "2")
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	seen := map[string]bool{}
	for len(seen) < 3 {
		resp, err := c.Get("http://" + addr + "/")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.True(t, strings.HasPrefix(string(body), "process "))
		seen[string(body)] = true
	}
}
