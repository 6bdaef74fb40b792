package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

const usageText = `Usage: bench serve [-server NAME] [-addr HOST:PORT] [flags]

Serves the application of the benchmarks until it is interrupted:
  GET /plaintext  GET /const  GET /json  GET /users/{id}  POST /echo  GET /bytes/{n}
  GET /sleep/{ms}  GET /static/{file...} (small.txt, medium.txt, large.txt)  GET /events
  GET /ws (WebSocket: echo)  GET /topic/{name} (WebSocket: subscribe)  POST /topic/{name} (publish the body)

Servers:
`

// drainTimeout bounds how long serve waits for requests that are being answered when it is told to stop.
const drainTimeout = 2 * time.Second

// Command is bench serve: it serves until ctx is over or, with -control, its input ends.
func Command(ctx context.Context, e command.Env, args []string) (err error) {
	fs := command.NewFlags("serve", usageText+serverList())
	name := fs.String("server", "adapter", "what serves: `NAME` from the list above")
	addr := fs.String("addr", "127.0.0.1:8080", "`HOST:PORT` to listen on; port 0 picks a free one")
	var o Options
	o.Add(fs)
	fs.BoolVar(&o.TLS, "tls", false, "over TLS, with a certificate made for the occasion ("+takers("tls")+")")
	var po processOptions
	po.add(fs)
	profile := fs.String("cpuprofile", "", "`FILE` to write a CPU profile to, for go tool pprof, when the server has stopped")
	control := fs.Bool("control", false, "take commands on standard input and stop when it ends (for compare)")
	if err := fs.Parse(e, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return command.UsageError("serve takes no arguments: %q", fs.Args())
	}
	dir, err := MakeFiles()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := New(*name, dir, o)
	if err != nil {
		return command.UsageError("%v", err)
	}
	switch one := *control || *profile != ""; {
	case one && po.given():
		return command.UsageError("-processes and -admin do not go with -control and -cpuprofile, which concern one process")
	case !one && po.wanted():
		return po.serve(*addr, o.Loops, s, e.Stdout)
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	if *profile != "" {
		stop, perr := profileCPU(*profile)
		if perr != nil {
			return perr
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	// At this point the kernel queues connections, so whoever reads the line may connect.
	fmt.Fprintf(e.Stdout, "%s%s\n", process.Listening, l.Addr())

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if *control {
		// What a terminal sends reaches us too. The parent decides when we stop, by ending our input.
		signal.Ignore(os.Interrupt, syscall.SIGHUP)
		go func() {
			defer stop()
			process.Obey(e.Stdin, e.Stdout)
		}()
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := s.Shutdown(drain); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func serverList() string {
	var b strings.Builder
	for _, s := range All {
		fmt.Fprintf(&b, "  %-12s %s\n", s.Name, s.What)
	}
	b.WriteString("\nA server that has no use for a flag refuses it. One without parsing has only /plaintext, at every path.\n" +
		"WebSockets are those of each server, of net/http gorilla's; of hertz and fasthttp there are none.\n")
	return b.String() + "\nFlags:\n"
}
