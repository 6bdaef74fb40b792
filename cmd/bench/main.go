// Command bench measures HTTP servers: honestly, and in one command.
//
// Alone, or as compare, it serves one application by net/http, by Peregrine and by others, each in a process of its own,
// loads them over real sockets in turns, and prints what came out side by side. Serve and load are its two halves,
// for use on their own: serve offers the application, load measures any server by its URL.
//
// Invariant: a response counts only after its status, its length and every byte of its body have been checked, and
// when one was wrong the exit code is not zero.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const usageText = `Usage: bench [compare] [flags]      net/http and Peregrine side by side, in less than 30 seconds
       bench compare -servers all -scenarios all    everything, in less than 15 minutes
       bench serve [flags]          serve the application of the benchmarks
       bench load [flags] URL       load any HTTP server, every response checked
       bench report RESULTS.json    a page of what "bench compare -json RESULTS.json" has measured
       bench report -against OLD.json NEW.json      what has changed from one run to another

"bench COMMAND -help" tells more.

Exit codes: 0 measured, 1 failed or not to be trusted, 2 wrong usage, 130 interrupted (what was measured is printed).
`

// env is the outside of a command.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

var commands = map[string]func(context.Context, env, []string) error{
	"compare": compareCommand,
	"serve":   serveCommand,
	"load":    loadCommand,
	"report":  reportCommand,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(bench(ctx, env{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// bench runs a command line and returns the exit code.
func bench(ctx context.Context, e env, args []string) int {
	name := "compare"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) == 1 && isHelp(args[0]) {
		name = "help"
	}
	if name == "help" {
		fmt.Fprint(e.stdout, usageText)
		return 0
	}
	command := commands[name]
	if command == nil {
		fmt.Fprintf(e.stderr, "bench: no command %q\n\n%s", name, usageText)
		return 2
	}
	err := command(ctx, e, args)
	var wrong *usageErr
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(e.stderr, "bench %s: %v\nTry \"bench %s -help\".\n", name, err, name)
		return 2
	case errors.Is(err, errInterrupted):
		fmt.Fprintf(e.stderr, "bench %s: %v\n", name, err)
		return 130
	}
	fmt.Fprintf(e.stderr, "bench %s: %v\n", name, err)
	return 1
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// errInterrupted ends a command that was interrupted and has printed what it had.
var errInterrupted = errors.New("interrupted")

// usageErr is a command line that asks for nothing that can be done.
type usageErr struct{ text string }

func (e *usageErr) Error() string { return e.text }

func usageError(format string, args ...any) error {
	return &usageErr{fmt.Sprintf(format, args...)}
}

// flags is a command's flag set: its help goes to standard output, its complaints are usage errors.
type flags struct{ *flag.FlagSet }

func newFlags(name, usage string) flags {
	fs := flags{flag.NewFlagSet(name, flag.ContinueOnError)}
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), usage)
		fs.PrintDefaults()
	}
	return fs
}

func (fs flags) parse(e env, args []string) error {
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(e.stdout)
		fs.Usage()
		return err
	}
	if err != nil {
		return usageError("%v", err)
	}
	return nil
}

// given reports whether a flag was on the command line.
func given(fs flags, name string) (found bool) {
	fs.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}
