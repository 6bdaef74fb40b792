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

// env is the outside of a command.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// commandFunc does what a command line asks for, args without the command's name. It stops early when ctx is over.
type commandFunc func(ctx context.Context, e env, args []string) error

// commandSet is a program of several commands.
type commandSet struct {
	usage    string
	other    string // the command of a line that names none
	commands map[string]commandFunc
}

// main runs the process's command line until it is done or the process is told to stop, and exits.
func (p commandSet) main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(p.run(ctx, env{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run runs a command line, without the program's name, and returns the exit code.
func (p commandSet) run(ctx context.Context, e env, args []string) int {
	name := p.other
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) == 1 && isHelp(args[0]) {
		name = "help"
	}
	if name == "help" {
		fmt.Fprint(e.stdout, p.usage)
		return 0
	}
	command := p.commands[name]
	if command == nil {
		fmt.Fprintf(e.stderr, "bench: no command %q\n\n%s", name, p.usage)
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
func (fs flags) given(name string) (found bool) {
	fs.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// listFlag collects the values of a flag that may be repeated.
type listFlag []string

func (l *listFlag) String() string     { return strings.Join(*l, ", ") }
func (l *listFlag) Set(v string) error { *l = append(*l, v); return nil }
