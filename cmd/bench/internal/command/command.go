package command

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

// Env is the outside of a command.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Func does what a command line asks for, args without the command's name. It stops early when ctx is over.
type Func func(ctx context.Context, e Env, args []string) error

// Program is a program of several commands.
type Program struct {
	Usage    string // the help of all
	Default  string // the command of a line that names none
	Commands map[string]Func
}

// Main runs the process's command line until it is done or the process is told to stop, and exits.
func (p Program) Main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	os.Exit(p.Run(ctx, Env{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// Run runs a command line, without the program's name, and returns the exit code.
func (p Program) Run(ctx context.Context, e Env, args []string) int {
	name := p.Default
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) == 1 && isHelp(args[0]) {
		name = "help"
	}
	if name == "help" {
		fmt.Fprint(e.Stdout, p.Usage)
		return 0
	}
	command := p.Commands[name]
	if command == nil {
		fmt.Fprintf(e.Stderr, "bench: no command %q\n\n%s", name, p.Usage)
		return 2
	}
	err := command(ctx, e, args)
	var wrong *usageErr
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(e.Stderr, "bench %s: %v\nTry \"bench %s -help\".\n", name, err, name)
		return 2
	case errors.Is(err, ErrInterrupted):
		fmt.Fprintf(e.Stderr, "bench %s: %v\n", name, err)
		return 130
	}
	fmt.Fprintf(e.Stderr, "bench %s: %v\n", name, err)
	return 1
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// ErrInterrupted ends a command that was interrupted and has printed what it had.
var ErrInterrupted = errors.New("interrupted")

// usageErr is a command line that asks for nothing that can be done.
type usageErr struct{ text string }

func (e *usageErr) Error() string { return e.text }

// UsageError is an error that makes the exit code 2, and has the user pointed to the help.
func UsageError(format string, args ...any) error {
	return &usageErr{fmt.Sprintf(format, args...)}
}

// Flags is a command's flag set: its help goes to standard output, its complaints are usage errors.
type Flags struct{ *flag.FlagSet }

// NewFlags makes a command's flags; usage is what its help begins with.
func NewFlags(name, usage string) Flags {
	fs := Flags{flag.NewFlagSet(name, flag.ContinueOnError)}
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), usage)
		fs.PrintDefaults()
	}
	return fs
}

// Parse reads args. Asked for help it prints that and returns flag.ErrHelp.
func (fs Flags) Parse(e Env, args []string) error {
	fs.SetOutput(io.Discard)
	err := fs.FlagSet.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(e.Stdout)
		fs.Usage()
		return err
	}
	if err != nil {
		return UsageError("%v", err)
	}
	return nil
}

// Given reports whether a flag was on the command line.
func (fs Flags) Given(name string) (found bool) {
	fs.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// List collects the values of a flag that may be repeated.
type List []string

// String makes a List a flag.Value.
func (l *List) String() string { return strings.Join(*l, ", ") }

// Set adds a value.
func (l *List) Set(v string) error { *l = append(*l, v); return nil }
