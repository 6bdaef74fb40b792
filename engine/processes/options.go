package processes

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/engine/listen"
)

// Options say what is served by how many processes. The zero value of a field means its default.
type Options struct {
	// Addrs are what to listen on: "HOST:PORT" for TCP, "unix:PATH" for a Unix socket, and what else package listen reads.
	// PEREGRINE_ADDR in the environment, with commas between several, takes their place, and sockets that the program is
	// given at its start take the place of both.
	Addrs []string
	// Listen says how sockets are opened: queues, keep-alive, the mode and owner of Unix sockets. What the program is given
	// stays as it is.
	Listen listen.Config
	// Processes is the number of worker processes: 1, the default, serves here, without a master; a negative number means
	// as many as there are cores. PEREGRINE_PROCESSES takes its place; there, 0 means as many as there are cores.
	Processes int
	// Master asks for a master even if Processes is 1, so that the one worker can be replaced.
	Master bool
	// Loops is the number of event loops in each process. Below a master it is GOMAXPROCS of the workers, which is what
	// the servers of this module take as their number of loops unless they are told another; the default shares the cores
	// out, one loop at least. Without a master, 0 changes nothing. A GOMAXPROCS in the environment wins. PEREGRINE_LOOPS
	// takes its place.
	Loops int
	// Share says how workers share a TCP port. Default PerWorker.
	Share Share

	// Grace bounds how long a worker that drains waits for running requests: then it cuts them. Default GraceDefault.
	Grace time.Duration
	// Linger is how long a worker that drains goes on answering on the connections that it has, with "Connection: close" in
	// every response, before it closes those that are silent: a request that is on its way meets no closed connection. It
	// ends early when Counters says that no connection is open. Default LingerDefault; negative: not at all.
	Linger time.Duration
	// ReadyTimeout bounds how long a worker may take to become ready. Default ReadyTimeoutDefault.
	ReadyTimeout time.Duration
	// HeartbeatTimeout is how long a worker may give no sign of life. Default HeartbeatTimeoutDefault; negative: for ever.
	HeartbeatTimeout time.Duration

	// Young is the age below which the death of a worker is a bad sign, as it is before it has been ready: its successor is
	// started after RespawnMin, twice as long after each further one, at most RespawnMax; and after DeathsMax of them in a
	// row the master gives up. Any other worker that dies has a successor at once. Defaults YoungDefault,
	// RespawnMinDefault, RespawnMaxDefault, DeathsMaxDefault.
	Young                  time.Duration
	RespawnMin, RespawnMax time.Duration
	DeathsMax              int

	// RecycleRequests, RecycleMemory (bytes that the process keeps in memory) and RecycleAge are when a worker is
	// replaced: one at a time, its successor ready before. After a replacement that has failed RespawnMax passes before
	// the next. 0 means never. RecycleRequests needs Counters.
	RecycleRequests uint64
	RecycleMemory   uint64
	RecycleAge      time.Duration

	// Admin is the path of a Unix socket, which the master makes for its own user alone (mode 0600), and answers HTTP on:
	// GET /status (a Status, as JSON), GET /metrics (Options.Metrics), GET /workers/{index}/pprof/{profile}?seconds=N, and, as signals do,
	// POST /replace (SIGHUP), /upgrade (SIGUSR2), /reopen (SIGUSR1), /dump (SIGQUIT), /drain (SIGTERM). Default: none.
	Admin string

	// Metrics writes what GET /metrics answers, in Prometheus' text format, version 0.0.4: Text of engine/processes/metrics,
	// which is a package of its own because of the libraries that it needs. Up to 8 goroutines call it at a time. Default: no
	// metrics.
	Metrics func(*Status) ([]byte, error)

	// Listening is called with the addresses, once, when the sockets listen and before any worker is started. A program
	// that takes over the sockets of its predecessor does not call it.
	Listening func([]net.Addr)
	// ReopenLogs is called in each process at SIGUSR1, by a goroutine that does nothing else: not again before it has
	// returned, then once for all signals that have come meanwhile.
	ReopenLogs func()
	// Counters returns what a worker's server has counted. It is called about once a second in each worker; if it does not
	// return, the worker hangs. Serve takes the server's own, if it has a method Counters of this type.
	Counters func() Counters
	// Logger is told what happens to processes. Default slog.Default.
	Logger *slog.Logger
}

// Share is a way in which workers share a port.
type Share int

// PerWorker has one SO_REUSEPORT socket for each worker, which the master opens and every successor of the worker
// inherits: the kernel spreads connections evenly, and those that wait in the queue of a worker that dies wait for its
// successor. Shared has one socket, from which the workers accept in competition. Where SO_REUSEPORT does not spread
// (anywhere but on Linux, on Unix sockets, and on sockets that the program is given) PerWorker means Shared.
const (
	PerWorker Share = iota
	Shared
)

// Counters are a worker's counts since it began, except Open. The type has the fields of the engine's Counters, so that
// those can be converted into it.
type Counters struct {
	Accepted uint64 // connections
	Open     uint64 // connections now
	Requests uint64 // requests that reached a handler
	Refused  uint64 // requests that were refused without one
	Hijacked uint64 // connections taken out of the server
	Upgraded uint64 // connections that went over to another protocol
	Panics   uint64 // handlers that panicked

	HandshakesFailed uint64 // of TLS
}

// settle has the environment override, fills in defaults, and refuses what contradicts itself.
func (o Options) settle() (Options, error) {
	bad := func(field string, value any, want string) (Options, error) {
		return o, fmt.Errorf("processes: Options.%s is %v: want %s", field, value, want)
	}
	addrsFrom := "Options.Addrs"
	if addrs := os.Getenv("PEREGRINE_ADDR"); addrs != "" {
		o.Addrs, addrsFrom = strings.Split(addrs, ","), "PEREGRINE_ADDR in the environment"
	}
	for _, v := range []struct {
		name string
		set  func(string) error
	}{{"PEREGRINE_PROCESSES", o.setProcesses}, {"PEREGRINE_LOOPS", o.setLoops}} {
		if text := os.Getenv(v.name); text != "" {
			if err := v.set(text); err != nil {
				return o, fmt.Errorf("processes: %s in the environment is %q: %w", v.name, text, err)
			}
		}
	}
	switch {
	case o.Processes < 0:
		o.Processes = min(runtime.NumCPU(), ProcessesMax)
	case o.Processes == 0:
		o.Processes = 1
	case o.Processes > ProcessesMax:
		return bad("Processes", o.Processes, fmt.Sprintf("at most %d", ProcessesMax))
	}
	switch {
	case o.Loops < 0 || o.Loops > loopsMax:
		return bad("Loops", o.Loops, fmt.Sprintf("0 to %d", loopsMax))
	case o.Share != PerWorker && o.Share != Shared:
		return bad("Share", int(o.Share), "PerWorker or Shared")
	case o.RecycleRequests > 0 && o.Counters == nil:
		return bad("RecycleRequests", o.RecycleRequests, "Options.Counters with it, or nobody counts requests")
	case (o.RecycleRequests > 0 || o.RecycleMemory > 0 || o.RecycleAge > 0) && !o.mastered():
		return bad("Processes", o.Processes, "Options.Master with it, or nobody replaces the worker that Options.Recycle… speaks of")
	}
	if o.Admin != "" && !o.mastered() {
		return bad("Admin", fmt.Sprintf("%q", o.Admin), "Options.Master with it, or there is nobody to answer")
	}
	if o.Listen.ReusePort {
		return bad("Listen.ReusePort", true, "false: workers share by Options.Share, and a second instance must not take connections away")
	}
	if err := o.Listen.Check(); err != nil {
		return o, fmt.Errorf("processes: Options.Listen: %w", err)
	}
	seen := map[string]bool{}
	for _, addr := range o.Addrs {
		if _, err := listen.Parse(addr); err != nil {
			return o, fmt.Errorf("processes: %s: %w", addrsFrom, err)
		}
		if seen[addr] && !strings.HasSuffix(addr, ":0") {
			return o, fmt.Errorf("processes: %s is %q: want each address once", addrsFrom, o.Addrs)
		}
		seen[addr] = true
	}
	o.Linger = max(0, orDefault(o.Linger, LingerDefault))
	for _, d := range []struct {
		name  string
		field *time.Duration
		value time.Duration
	}{
		{"Grace", &o.Grace, GraceDefault},
		{"ReadyTimeout", &o.ReadyTimeout, ReadyTimeoutDefault},
		{"Young", &o.Young, YoungDefault},
		{"RespawnMin", &o.RespawnMin, RespawnMinDefault},
		{"RespawnMax", &o.RespawnMax, RespawnMaxDefault},
		{"RecycleAge", &o.RecycleAge, 0},
	} {
		if *d.field = orDefault(*d.field, d.value); *d.field < 0 {
			return bad(d.name, *d.field, "0 or more")
		}
	}
	if o.HeartbeatTimeout = orDefault(o.HeartbeatTimeout, HeartbeatTimeoutDefault); o.HeartbeatTimeout < 0 {
		o.HeartbeatTimeout = 0
	}
	if o.DeathsMax = orDefault(o.DeathsMax, DeathsMaxDefault); o.DeathsMax < 0 {
		return bad("DeathsMax", o.DeathsMax, "0 or more")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// mastered reports whether workers are processes of their own.
func (o Options) mastered() bool { return o.Master || o.Processes > 1 }

// loops is how many loops a worker below a master has.
func (o Options) loops() int {
	if o.Loops > 0 {
		return o.Loops
	}
	return max(1, runtime.NumCPU()/o.Processes)
}

// late is what may pass between two looks of the master at what is due before it says that it has not run.
func (o Options) late() time.Duration {
	if o.HeartbeatTimeout == 0 {
		return masterLate
	}
	return min(masterLate, o.HeartbeatTimeout/2)
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

var errNoAddress = errors.New("processes: nothing to listen on: want an address in Options.Addrs or PEREGRINE_ADDR, or sockets by LISTEN_FDS")
