// Package command is what the commands of bench share: their outside, their flags, the line that shows how far they are, and what
// becomes their exit code.
//
// A command is a Func. It reads its flags by Flags, prints to its Env and returns an error; a Program finds the command that a
// line names, prints the error and turns it into a code: 2 for a UsageError, 130 for ErrInterrupted, 1 for any other.
//
// Invariant: only Program.Main touches the process's own streams, signals and exit code, so a test can run any command line.
package command
