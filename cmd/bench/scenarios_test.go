package main

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every server stands every scenario that it offers, with all answers as they must be.
func TestScenariosOfAllServers(t *testing.T) {
	for _, s := range servers {
		if s.raw && runtime.GOOS != "linux" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			plain, secure := serving(t, s.name), ""
			for _, sc := range scenarios {
				if sc.idle || !offers(s.name, sc) || sc.conns > 600 {
					continue
				}
				if raceDetector && s.name == "nbio" && (sc.tls || sc.sends > 0) {
					continue // see speaking
				}
				url := plain
				if sc.tls {
					if secure == "" {
						_, secure = startServing(t, s.name, serveOptions{tls: true})
					}
					url = secure
				}
				groups, err := sc.groups(url, 16)
				require.NoError(t, err, sc.name)
				groups[0].rate = 2000 * sc.open
				run := loadRun{addr: groups[0].requests[0].addr, groups: groups, duration: 20 * time.Millisecond, timeout: 20 * time.Second, loops: 1}
				out, err := run.do(t.Context())
				require.NoError(t, err, sc.name)
				require.Empty(t, out.total().failed(), sc.name)
			}
		})
	}
}

func TestScenarioGroups(t *testing.T) {
	named := func(name string) scenario {
		for _, s := range scenarios {
			if s.name == name {
				return s
			}
		}
		require.Fail(t, "no scenario", name)
		return scenario{}
	}
	one := func(name string) *group {
		gs, err := named(name).groups("http://127.0.0.1:80", 64)
		require.NoError(t, err)
		return gs[0]
	}
	require.Equal(t, 64, one("plaintext").conns)
	require.Equal(t, 5000, one("conns-5000").conns)
	require.Equal(t, "plaintext, 512 connections (fixed)", one("conns-512").name)
	require.True(t, one("conn-per-request").close)
	require.Contains(t, string(one("conn-per-request").batch), "\r\nConnection: close\r\n")
	echo := one("echo-64k")
	require.True(t, strings.HasPrefix(string(echo.batch), "POST /echo HTTP/1.1\r\n"))
	require.Len(t, echo.requests[0].want.body, 64<<10)
	require.True(t, strings.HasSuffix(string(echo.batch), string(echo.requests[0].want.body)))

	gs, err := named("blocking").groups("http://127.0.0.1:80", 64)
	require.NoError(t, err)
	require.Equal(t, []int{48, 16}, []int{gs[0].conns, gs[1].conns})
}

func TestChosen(t *testing.T) {
	names := func(list string, servers ...string) (names []string) {
		ss, err := chosen(list, servers)
		require.NoError(t, err)
		for _, s := range ss {
			names = append(names, s.name)
		}
		return names
	}
	require.Equal(t, strings.Split(shortScenarios, ","), names("", "net/http", "adapter"))
	require.Equal(t, []string{"plaintext", "pipelined", "idle"}, names("", "net/http", "floor"))
	require.Equal(t, scenarioNames(), names("all", "net/http", "floor"))
	require.Equal(t, []string{"json", "open-50"}, names("open-50, json,json", "net/http"))
	_, err := chosen("all,json", []string{"net/http"})
	require.ErrorContains(t, err, `no "all"; there are plaintext`)
}
