package servers

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"

	"github.com/peregrine-http/peregrine/adapters/nethttp/drain"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/processes"
	prometheus "github.com/peregrine-http/peregrine/engine/processes/metrics"
)

// processOptions are the flags of serve that concern processes. The environment overrides them: PEREGRINE_PROCESSES,
// PEREGRINE_LOOPS, PEREGRINE_ADDR.
type processOptions struct {
	processes int
	share     string
	admin     string
}

func (o *processOptions) add(fs command.Flags) {
	fs.IntVar(&o.processes, "processes", 1, "worker `processes` below a master; 0: one per CPU, with one loop each")
	fs.StringVar(&o.share, "share", "per-worker", "`HOW` the processes share the port: per-worker (a SO_REUSEPORT socket each), or shared")
	fs.StringVar(&o.admin, "admin", "", "`PATH` of a Unix socket for the admin endpoint of the processes")
}

// given reports whether the flags ask for more than to serve here, wanted whether they or the environment do.
func (o *processOptions) given() bool { return o.processes != 1 || o.admin != "" }

func (o *processOptions) wanted() bool {
	return o.given() || slices.ContainsFunc([]string{"PROCESSES", "LOOPS", "ADDR", "CHILD"}, func(name string) bool {
		return os.Getenv("PEREGRINE_"+name) != ""
	})
}

// serve serves s in processes, which end by signals.
func (o *processOptions) serve(addr string, loops int, s Server, stdout io.Writer) error {
	p := processes.Options{
		Addrs: []string{addr}, Processes: o.processes, Loops: loops, Grace: drainTimeout, Admin: o.admin, Metrics: prometheus.Text,
		Listening: func(addrs []net.Addr) { fmt.Fprintf(stdout, "%s%s\n", process.Listening, addrs[0]) },
	}
	switch {
	case o.processes < 0:
		return command.UsageError("-processes %d: want 1 or more, or 0 for one per CPU", o.processes)
	case o.share == "shared":
		p.Share = processes.Shared
	case o.share != "per-worker":
		return command.UsageError("-share %q: want per-worker or shared", o.share)
	}
	if o.processes == 0 {
		p.Processes = -1
	}
	p.Master = o.admin != ""
	if h, ok := s.(*http.Server); ok {
		d := drain.New(h)
		s, p.Counters = d, d.Counters
	}
	if c, ok := s.(interface{ Counters() engine.Counters }); ok {
		p.Counters = func() processes.Counters {
			n := c.Counters()
			return processes.Counters{
				Accepted: n.Accepted, Open: n.Open, Requests: n.Requests, Refused: n.Refused, Hijacked: n.Hijacked,
				Upgraded: n.Upgraded, Panics: n.Panics, HandshakesFailed: n.HandshakesFailed,
			}
		}
	}
	return processes.Serve(p, processServer{s})
}

// processServer gives a server what processes need besides.
type processServer struct{ Server }

func (s processServer) Close() error {
	if c, ok := s.Server.(io.Closer); ok {
		return c.Close()
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	return s.Shutdown(now)
}

// EndKeepAlives is called when a drain begins.
func (s processServer) EndKeepAlives() {
	if e, ok := s.Server.(interface{ EndKeepAlives() }); ok {
		e.EndKeepAlives()
	}
}
