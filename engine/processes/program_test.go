//go:build linux || darwin

package processes_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/adapters/nethttp/drain"
	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/processes"
	"github.com/peregrine-http/peregrine/engine/processes/metrics"
	"github.com/peregrine-http/peregrine/engine/processes/topics"
	"github.com/peregrine-http/peregrine/engine/websocket"
)

// config is what a test's program should do. It comes in the environment.
type config struct {
	Options processes.Options
	Server  string // "" for nethttp.Server, "native", "http", or what goes wrong at the start
	FailIf  string // a file: workers fail to start as long as it is there, or, if it says "hang", do not get ready
	Resize  string // a file with the number of processes, if it is there
	Moved   string // a file with other options, if it is there
}

const configVariable = "PROCESSES_TEST"

// The engine's counters can be converted.
var _ = processes.Counters(engine.Counters{})

// TestMain runs the tests, or is the program that they start.
func TestMain(m *testing.M) {
	text := os.Getenv(configVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var c config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fmt.Fprintln(os.Stderr, "config:", err)
		os.Exit(4)
	}
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "program:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "program: end of process", os.Getpid())
}

func (c *config) run() error {
	o := c.Options
	if text, err := os.ReadFile(c.Resize); err == nil {
		o.Processes, _ = strconv.Atoi(string(text))
	}
	if text, err := os.ReadFile(c.Moved); err == nil {
		if err := json.Unmarshal(text, &o); err != nil {
			return err
		}
	}
	o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	o.Listening = func(addrs []net.Addr) {
		for _, a := range addrs {
			fmt.Fprintf(os.Stderr, "listening on %s\n", a)
		}
	}
	o.ReopenLogs = func() { fmt.Fprintln(os.Stderr, "reopened by", os.Getpid()) }
	o.Metrics = func(s *processes.Status) ([]byte, error) {
		switch c.Server {
		case "metrics panic":
			panic("no figures")
		case "metrics hang":
			select {}
		}
		return metrics.Text(s)
	}
	if c.Server == "reopen hangs" {
		o.ReopenLogs = func() { fmt.Fprintln(os.Stderr, "reopening"); select {} }
	}
	if c.Server == "heir" && os.Getppid() != 1 { // before Run: what was given to this process is given to that one, too
		heir := exec.Command("sleep", "3600")
		if err := heir.Start(); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "heir (process %d)\n", heir.Process.Pid)
	}
	var requests atomic.Uint64
	var hangs atomic.Bool
	o.Counters = func() processes.Counters {
		for hangs.Load() {
			time.Sleep(time.Millisecond)
		}
		return processes.Counters{Requests: requests.Load(), Open: 1}
	}
	return processes.Run(o, func(w *processes.Worker) error {
		if text, err := os.ReadFile(c.FailIf); err == nil && string(text) == "hang" {
			fmt.Fprintln(os.Stderr, "hanging")
			for ; err == nil; _, err = os.Stat(c.FailIf) {
				select {
				case <-w.Draining():
					return nil
				case <-time.After(5 * time.Millisecond):
				}
			}
		} else if err == nil {
			return errors.New("there is " + c.FailIf)
		}
		answer := func(echo string) string {
			requests.Add(1)
			return fmt.Sprintf("%d %d %d %d %s", os.Getpid(), w.Index(), w.Generation(), os.Getppid(), echo)
		}
		mux := http.NewServeMux()
		mux.HandleFunc("/{$}", func(rw http.ResponseWriter, r *http.Request) {
			io.WriteString(rw, answer(r.URL.RawQuery))
		})
		mux.HandleFunc("/sleep/{ms}", func(rw http.ResponseWriter, r *http.Request) {
			ms, _ := strconv.Atoi(r.PathValue("ms"))
			fmt.Fprintln(os.Stderr, "sleeping in", os.Getpid())
			time.Sleep(time.Duration(ms) * time.Millisecond)
			io.WriteString(rw, answer(""))
		})
		mux.HandleFunc("/while/{file...}", func(rw http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(os.Stderr, "sleeping in", os.Getpid())
			for _, err := os.Stat("/" + r.PathValue("file")); err == nil; _, err = os.Stat("/" + r.PathValue("file")) {
				time.Sleep(5 * time.Millisecond)
			}
			io.WriteString(rw, answer(""))
		})
		mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
		mux.HandleFunc("/hang", func(http.ResponseWriter, *http.Request) { hangs.Store(true) })
		mux.HandleFunc("/stop", func(http.ResponseWriter, *http.Request) { syscall.Kill(os.Getpid(), syscall.SIGSTOP) })
		mux.HandleFunc("/names", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, w.Names()) })
		mux.HandleFunc("/env/{name}", func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, os.Getenv(r.PathValue("name"))) })
		mux.HandleFunc("/loops", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, w.Loops()) })
		switch c.Server {
		case "", "heir", "metrics panic", "metrics hang", "reopen hangs":
			return w.Serve(&nethttp.Server{Handler: mux})
		case "http":
			return w.Serve(drain.New(&http.Server{Handler: mux}))
		case "native":
			rt := native.NewRouter()
			rt.Handle("GET /{$}", func(rw *native.Response, r *native.Request) error { return rw.Text(200, answer(string(r.RawQuery()))) })
			room := new(websocket.Topics)
			topics.Connect(w, "room", room)
			endpoint := websocket.New(websocket.Options{
				OnOpen:    func(ws *websocket.Conn) { room.Subscribe(ws, "news"); ws.SendText(answer("")) },
				OnMessage: func(ws *websocket.Conn, m websocket.Message) { room.PublishFrom(ws, "news", m) },
			})
			rt.Handle("GET /ws", func(rw *native.Response, _ *native.Request) error { return rw.WebSocket(endpoint, nil) })
			return w.Serve(&native.Server{Router: rt})
		case "exits":
			os.Exit(7)
		case "fails":
			return errors.New("no database")
		case "deaf":
			w.Ready()
			select {}
		case "never ready":
			<-w.Draining()
			return nil
		case "refuses":
			return w.Serve(&nethttp.Server{Transport: "pigeon"})
		case "dies when ready":
			w.Ready()
			time.Sleep(20 * time.Millisecond)
			os.Exit(7)
		}
		return errors.New("no such server")
	})
}
