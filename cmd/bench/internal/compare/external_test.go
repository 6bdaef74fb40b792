package compare

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

func TestParseExternal(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	x, err := parseExternal("a server=http://127.0.0.1:8090/," + self + " -p /tmp,x")
	require.NoError(t, err)
	require.Equal(t, &external{"a server", "http://127.0.0.1:8090", "127.0.0.1:8090", false, []string{self, "-p", "/tmp,x"}}, x)
	x, err = parseExternal("b=http://[::1]/base")
	require.NoError(t, err)
	require.Equal(t, &external{"b", "http://[::1]/base", "[::1]:80", false, []string{}}, x)
	x, err = parseExternal("c=https://localhost")
	require.NoError(t, err)
	require.Equal(t, &external{"c", "https://localhost", "localhost:443", true, []string{}}, x)
	for text, says := range map[string]string{
		"":                                 "want NAME=URL",
		"http://127.0.0.1/":                "want NAME=URL",
		"=http://127.0.0.1/":               "want NAME=URL",
		"a=127.0.0.1:80":                   "127.0.0.1:80",
		"a=ftp://x/":                       "want http://",
		"a=http://x/,no-such-program-here": "no-such-program-here",
	} {
		_, err := parseExternal(text)
		require.ErrorContains(t, err, says, text)
	}
}

// An external server is left out of what it does not offer, without a failure.
func TestExternalOffersAPart(t *testing.T) {
	t.Parallel() // in processes of its own
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/plaintext" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, servers.Plaintext)
	}))
	defer s.Close()
	out, err := benchtest.Process(t, append([]string{"compare", "-servers", "native", "-scenarios", "plaintext,json", "-external", "theirs=" + s.URL}, quick...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `plaintext, 8 connections +native .*\n +theirs +\S.*n/a`, string(out)) // its process is not ours to look at
	require.Regexp(t, `json, 8 connections +native .*\n\n`, string(out))
	require.Contains(t, string(out), "theirs is left out of json: theirs: GET /json answers 404")
}

func TestExternalDoesNotStart(t *testing.T) {
	t.Parallel() // in processes of its own
	self, err := os.Executable()
	require.NoError(t, err)
	addr := freeAddr(t)
	for text, says := range map[string]string{
		fmt.Sprintf("x=http://%s,%s serve -server apache -addr %s", addr, self, addr): `"apache"`,
		fmt.Sprintf("x=http://%s,%s help", addr, self):                                "x did not start",
		"x=http://" + addr: "refused",
	} {
		cmd := benchtest.Process(t, append([]string{"compare", "-servers", "native", "-scenarios", "plaintext", "-external", text}, quick...)...)
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 1, cmd.ProcessState.ExitCode(), "%s", out)
		require.Contains(t, string(out), says)
	}
	// A command that leaves the server behind says no word of its own.
	script := filepath.Join(t.TempDir(), "start")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nsleep 5 &\necho started\n"), 0o755))
	if runtime.GOOS != "windows" {
		x, err := parseExternal(fmt.Sprintf("x=http://%s,%s", addr, script))
		require.NoError(t, err)
		_, err = x.start(t.Context(), 1, nil)
		require.ErrorContains(t, err, "x did not start: its command has ended; it must stay in the foreground; it said: started")
	}
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	x, err := parseExternal(fmt.Sprintf("x=%s,%s", s.URL, self))
	require.NoError(t, err)
	_, err = x.start(t.Context(), 1, nil)
	require.ErrorContains(t, err, "serves "+x.addr+" already")
}
