//go:build linux || darwin

package processes_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/processes"
)

// admin asks at an admin socket.
func admin(t *testing.T, path, method, target string) (int, string) {
	t.Helper()
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	req, err := http.NewRequest(method, "http://admin"+target, nil)
	require.NoError(t, err)
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestAdmin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin")
	o := options(2)
	o.Admin, o.HeartbeatTimeout = path, time.Second
	hang := filepath.Join(t.TempDir(), "hang")
	s := launch(t, config{Options: o, FailIf: hang}).up(2)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	type status struct {
		Master, Generation, Restarts int
		State, Changing              string
		Listening                    []string
		Total                        struct{ Requests uint64 }
		Workers                      []struct {
			Index, Process, Generation int
			State                      string
			Memory                     uint64
		}
	}
	get := func() (st status) {
		code, body := admin(t, path, "GET", "/status")
		require.Equal(t, 200, code)
		require.NoError(t, json.Unmarshal([]byte(body), &st), body)
		return st
	}
	all := s.askAll(2)
	eventually(t, "memory and requests", func() bool {
		st := get()
		return st.Workers[0].Memory > 1<<20 && st.Workers[1].Memory > 1<<20 && st.Total.Requests >= 2
	})
	st := get()
	require.Equal(t, s.cmd.Process.Pid, st.Master)
	require.Equal(t, "running", st.State)
	require.Equal(t, []string{"127.0.0.1:0"}, st.Listening)
	for i, w := range st.Workers {
		require.Equal(t, i, w.Index)
		require.Equal(t, all[i].pid, w.Process)
		require.Equal(t, "ready", w.State)
	}

	code, body := admin(t, path, "GET", "/metrics")
	require.Equal(t, 200, code)
	require.Contains(t, body, "peregrine_workers{state=\"ready\"} 2\n")

	for target, want := range map[string]string{
		"/workers/0/pprof/goroutine":         "",
		"/workers/1/pprof/heap":              "",
		"/workers/1/pprof/profile?seconds=1": "",
	} {
		code, body := admin(t, path, "GET", target)
		require.Equal(t, 200, code, body)
		require.Equal(t, "\x1f\x8b", body[:2], target+want) // profiles are gzip
	}
	require.NoError(t, os.WriteFile(hang, []byte("hang"), 0o600)) // or the change may be over before another one is asked for
	for _, c := range []struct {
		method, target string
		code           int
		want           string
	}{
		{"GET", "/workers/0/pprof/nothing", 404, `no profile "nothing"`},
		{"GET", "/workers/7/pprof/heap", 404, "no worker 7"},
		{"GET", "/workers/0/pprof/profile?seconds=0", 400, "want 1 to 300"},
		{"GET", "/workers/0/pprof/" + strings.Repeat("%01", 4000), 404, "no profile"},
		{"GET", "/replace", 404, "POST /replace"},
		{"POST", "/reopen", 202, ""},
		{"POST", "/dump", 202, ""},
		{"POST", "/replace", 202, ""},
		{"POST", "/upgrade", 409, "one change at a time"},
	} {
		code, body := admin(t, path, c.method, c.target)
		require.Equal(t, c.code, code, body)
		require.Contains(t, body, c.want)
	}
	require.NoError(t, os.Remove(hang))
	s.says(3, "reopened by")
	s.says(3, "stacks of ")
	s.says(1, "processes: replacement done")
	require.Equal(t, 2, get().Generation)
	eventually(t, "the sum over workers that have ended", func() bool { return len(get().Workers) == 2 })
	require.GreaterOrEqual(t, get().Total.Requests, uint64(2))

	code, _ = admin(t, path, "POST", "/upgrade") // the next master has the socket
	require.Equal(t, 202, code)
	s.says(1, "has taken over: draining")
	require.Equal(t, 0, <-s.code)
	s.code <- 0
	st = get()
	require.NotEqual(t, s.cmd.Process.Pid, st.Master)
	require.Equal(t, 3, st.Generation)
	code, _ = admin(t, path, "POST", "/drain")
	require.Equal(t, 202, code)
	require.Equal(t, 0, s.exits())
	require.NoFileExists(t, path)
}

func TestAdminRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin")
	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o644))
	o := options(2)
	o.Admin = path
	s := launch(t, config{Options: o})
	require.Equal(t, 1, s.exits())
	require.Contains(t, s.text(), path+" is there and is not a socket")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "precious", string(content))

	o.Processes = 1
	s = launch(t, config{Options: o})
	require.Equal(t, 1, s.exits())
	require.Contains(t, s.text(), "want Options.Master with it")
}

// TestAdminTaken: a second service does not get the admin socket of one that runs, and gets that of one that was killed.
func TestAdminTaken(t *testing.T) {
	o := options(2)
	o.Admin = filepath.Join(t.TempDir(), "admin")
	first := launch(t, config{Options: o}).up(2)
	second := launch(t, config{Options: o})
	require.Equal(t, 1, second.exits())
	require.Contains(t, second.text(), o.Admin+" is the socket of a program that is running")
	code, _ := admin(t, o.Admin, "GET", "/status")
	require.Equal(t, 200, code)
	first.kill(syscall.SIGKILL)
	first.exits()
	third := launch(t, config{Options: o}).up(2)
	_, body := admin(t, o.Admin, "GET", "/status")
	require.Contains(t, body, strconv.Itoa(third.cmd.Process.Pid))
	third.kill(syscall.SIGTERM)
	require.Equal(t, 0, third.exits())
}

// TestAdminIsTheServices: as long as the next program has not taken over, the one that serves answers.
func TestAdminIsTheServices(t *testing.T) {
	o := options(2)
	o.Admin = filepath.Join(t.TempDir(), "admin")
	hang := filepath.Join(t.TempDir(), "hang")
	s := launch(t, config{Options: o, FailIf: hang}).up(2)
	require.NoError(t, os.WriteFile(hang, []byte("hang"), 0o600))
	s.kill(syscall.SIGUSR2)
	s.says(2, "hanging")
	for range 20 {
		_, body := admin(t, o.Admin, "GET", "/status")
		var status processes.Status
		require.NoError(t, json.Unmarshal([]byte(body), &status))
		require.Equal(t, s.cmd.Process.Pid, status.Master)
		require.Equal(t, "running", status.State)
	}
	code, _ := admin(t, o.Admin, "POST", "/drain")
	require.Equal(t, 202, code)
	require.Equal(t, 0, s.exits())
}

// TestAdminSlow: who connects and says nothing takes none of the master's time, and does not keep it from ending.
func TestAdminSlow(t *testing.T) {
	o := options(2)
	o.Admin = filepath.Join(t.TempDir(), "admin")
	s := launch(t, config{Options: o}).up(2)
	for range 40 { // more than are answered at a time
		c, err := net.Dial("unix", o.Admin)
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, "POST /drain HTTP/1.1\r\n")
		require.NoError(t, err)
	}
	s.kill(syscall.SIGUSR2)
	s.says(1, "has taken over: draining")
	require.NoError(t, syscall.Kill(s.successor(s.cmd.Process.Pid), syscall.SIGTERM))
	require.Equal(t, 0, s.exits())
}

// TestMetricsFail: what the program's metrics do is the asker's business alone.
func TestMetricsFail(t *testing.T) {
	for _, way := range []string{"panic", "hang"} {
		o := options(2)
		o.Admin = filepath.Join(t.TempDir(), "admin")
		s := launch(t, config{Options: o, Server: "metrics " + way}).up(2)
		if way == "panic" {
			code, body := admin(t, o.Admin, "GET", "/metrics")
			require.Equal(t, 500, code)
			require.Contains(t, body, "Options.Metrics panicked: no figures")
		} else {
			c, err := net.Dial("unix", o.Admin)
			require.NoError(t, err)
			defer c.Close()
			_, err = io.WriteString(c, "GET /metrics HTTP/1.1\r\n\r\n")
			require.NoError(t, err)
		}
		code, _ := admin(t, o.Admin, "GET", "/status")
		require.Equal(t, 200, code)
		s.kill(syscall.SIGHUP)
		s.says(1, "processes: replacement done")
		s.kill(syscall.SIGTERM)
		require.Equal(t, 0, s.exits())
	}
}

// TestAdminMoves: the next program may have its admin socket elsewhere, or none. The old one goes with the old program, and so
// does the file of an address that is served no longer; what a program that fails has made goes with that.
func TestAdminMoves(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	there := func(want ...string) {
		t.Helper()
		eventually(t, strings.Join(want, " and "), func() bool {
			var names []string
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, e := range entries {
				if e.Type()&os.ModeSocket != 0 {
					names = append(names, e.Name())
				}
			}
			return slices.Equal(want, names)
		})
	}
	o := options(2)
	o.Admin = path("admin1")
	o.Addrs = append(o.Addrs, "unix:"+path("web1"))
	s := launch(t, config{Options: o, FailIf: path("broken"), Moved: path("moved")}).up(2)
	master := s.cmd.Process.Pid
	moved := func(admin, addr string) {
		m := map[string]any{"Admin": admin, "Master": true, "Addrs": []string{o.Addrs[0], addr}}
		text, err := json.Marshal(m)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path("moved"), text, 0o600))
	}
	there("admin1", "web1")

	require.NoError(t, os.WriteFile(path("broken"), nil, 0o600))
	moved(path("admin2"), "unix:"+path("web2"))
	s.kill(syscall.SIGUSR2)
	s.says(1, "replacement of the program has failed")
	there("admin1", "web1")
	require.NoError(t, os.Remove(path("broken")))

	s.kill(syscall.SIGUSR2)
	s.says(1, "has taken over: draining")
	there("admin2", "web2")
	code, body := admin(t, path("admin2"), "GET", "/status")
	require.Equal(t, 200, code)
	var status processes.Status
	require.NoError(t, json.Unmarshal([]byte(body), &status))
	require.NotEqual(t, master, status.Master)
	c, err := net.Dial("unix", path("web2"))
	require.NoError(t, err)
	c.Close()

	moved("", "unix:"+path("web2"))
	require.NoError(t, syscall.Kill(status.Master, syscall.SIGUSR2))
	s.says(2, "has taken over: draining")
	there("web2")
	require.NoError(t, syscall.Kill(s.successor(status.Master), syscall.SIGTERM))
	require.Equal(t, 0, s.exits())
	there()
}

// TestAdminNoise: what is no request gets an answer, or none, and harms nobody.
func TestAdminNoise(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin")
	o := options(2)
	o.Admin = path
	s := launch(t, config{Options: o}).up(2)
	for _, noise := range []string{"", "\n\n", "GET\r\n\r\n", "GET /status HTTP/2\r\n\r\n", "GET http://%zz HTTP/1.1\r\n\r\n", "POST /drain HTTP/1.1\r\nbad\r\n\r\n", strings.Repeat("x", 1<<16)} {
		c, err := net.Dial("unix", path)
		require.NoError(t, err)
		go io.WriteString(c, noise)
		time.AfterFunc(50*time.Millisecond, func() { c.(*net.UnixConn).CloseWrite() })
		answer, _ := io.ReadAll(c)
		if len(answer) > 0 {
			code, err := strconv.Atoi(string(answer[9:12]))
			require.NoError(t, err)
			require.Equal(t, 400, code)
		}
		c.Close()
	}
	code, _ := admin(t, path, "GET", "/status")
	require.Equal(t, 200, code)
	s.kill(syscall.SIGTERM)
	require.Equal(t, 0, s.exits())
}
