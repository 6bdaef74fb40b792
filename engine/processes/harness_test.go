//go:build linux || darwin

package processes_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds what would otherwise hang. Nothing is measured with it.
const patience = 30 * time.Second

// service is a program that was started, with all the processes that have come out of it.
type service struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string

	mu     sync.Mutex
	log    strings.Builder
	nobody chan struct{} // closed when no process has its standard error any more: all have ended
	code   chan int      // the exit code of the process that was started
}

// launch starts the test binary as a program that does what c says. At the end of the test it must have ended, or is ended.
func launch(t *testing.T, c config, env ...string) *service {
	t.Helper()
	return launchBy(t, nil, c, env...)
}

// launchBy is launch through other programs.
func launchBy(t *testing.T, by []string, c config, env ...string) *service {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	argv := append(append([]string{}, by...), exe)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), configVariable+"="+encode(t, c)), env...)
	return follow(t, cmd)
}

// encode is JSON without functions, which Options has, too.
func encode(t *testing.T, c config) string {
	options := map[string]any{}
	for v, i := reflect.ValueOf(c.Options), 0; i < v.NumField(); i++ {
		switch v.Field(i).Kind() {
		case reflect.Func, reflect.Pointer:
		default:
			options[v.Type().Field(i).Name] = v.Field(i).Interface()
		}
	}
	text, err := json.Marshal(map[string]any{"Options": options, "Server": c.Server, "FailIf": c.FailIf, "Resize": c.Resize, "Moved": c.Moved})
	require.NoError(t, err)
	return string(text)
}

func follow(t *testing.T, cmd *exec.Cmd) *service {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd.Env = append(cmd.Environ(), "GORACE=atexit_sleep_ms=0") // or each process waits a second for races at its end
	s := &service{t: t, cmd: cmd, nobody: make(chan struct{}), code: make(chan int, 1)}
	cmd.Stderr = w
	require.NoError(t, cmd.Start())
	w.Close()
	go func() {
		defer close(s.nobody)
		defer r.Close()
		for lines := bufio.NewReader(r); ; {
			line, err := lines.ReadString('\n')
			s.mu.Lock()
			s.log.WriteString(line)
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		cmd.Wait()
		s.code <- cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		select {
		case <-s.nobody:
		default:
			for _, m := range regexp.MustCompile(`process (\d+)\)`).FindAllStringSubmatch(s.text(), -1) {
				var pid int
				fmt.Sscan(m[1], &pid)
				syscall.Kill(pid, syscall.SIGKILL)
			}
			cmd.Process.Kill()
		}
		if t.Failed() {
			t.Log(s.text())
		}
	})
	return s
}

func (s *service) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// says waits until the log has n matches of a pattern, and returns their submatches.
func (s *service) says(n int, pattern string) (found [][]string) {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	eventually(s.t, fmt.Sprintf("%d × %q", n, pattern), func() bool {
		found = re.FindAllStringSubmatch(s.text(), -1)
		return len(found) >= n
	})
	return found
}

// up waits until n workers are ready, and learns the address.
func (s *service) up(n int) *service {
	s.t.Helper()
	s.addr = s.says(1, `listening on (\S+)\n`)[0][1]
	s.says(n, `processes: ready: worker`)
	return s
}

func (s *service) kill(sig syscall.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(sig))
}

// exits waits for the end of all processes and returns the first one's exit code.
func (s *service) exits() int {
	s.t.Helper()
	for _, what := range []string{"the process", "all processes"} {
		select {
		case <-time.After(patience):
			s.t.Fatalf("%s did not end", what)
		case code := <-s.code:
			s.code <- code
		}
		select {
		case <-time.After(patience):
			s.t.Fatalf("%s did not end", what)
		case <-s.nobody:
		}
	}
	return <-s.code
}

// answer is who has answered.
type answer struct {
	pid, index, generation, master int
	echo                           string // of the query
}

func parseAnswer(body string) (a answer, err error) {
	if n, err := fmt.Sscan(body, &a.pid, &a.index, &a.generation, &a.master, &a.echo); n < 4 {
		return a, err
	}
	return a, nil
}

// get asks on a connection of its own.
func (s *service) get(path string) (string, error) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := c.Get("http://" + s.addr + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// later is get that does not wait: what it gives, or its error's text, comes to the channel.
func (s *service) later(path string) <-chan string {
	body := make(chan string, 1)
	go func() {
		text, err := s.get(path)
		if err != nil {
			text = err.Error()
		}
		body <- text
	}()
	return body
}

// laterThan is later for a request that is not answered before answer is called.
func (s *service) laterThan() (body <-chan string, answer func()) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "unanswered")
	require.NoError(s.t, os.WriteFile(file, nil, 0o600))
	return s.later("/while" + file), func() { require.NoError(s.t, os.Remove(file)) }
}

func (s *service) ask() answer {
	s.t.Helper()
	body, err := s.get("/")
	require.NoError(s.t, err)
	a, err := parseAnswer(body)
	require.NoError(s.t, err, body)
	return a
}

// askAll asks until n workers have answered, and returns what each said last.
func (s *service) askAll(n int) map[int]answer {
	s.t.Helper()
	all := map[int]answer{}
	eventually(s.t, "answers of all workers", func() bool {
		a := s.ask()
		all[a.index] = a
		return len(all) == n
	})
	return all
}

// successor asks until the workers of the master that has taken over answer, and returns which that is.
func (s *service) successor(master int) (next int) {
	s.t.Helper()
	eventually(s.t, "answers of the next master's workers", func() bool {
		next = s.ask().master
		return next != master && next != 1
	})
	return next
}

// refused reports that nobody listens.
func (s *service) refused() bool {
	c, err := net.Dial("tcp", s.addr)
	if err == nil {
		c.Close()
	}
	return err != nil
}
