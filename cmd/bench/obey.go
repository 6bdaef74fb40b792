package main

import (
	"bufio"
	"fmt"
	"io"
	"runtime/debug"
)

// listening is what serve's first line begins with; the address follows.
const listening = "listening on "

// obey answers the commands of a parent process, one a line, until its end of the pipe closes.
//
//	usage  →  usage SUM USER SYSTEM, as in type usage, the sum in nanoseconds; or usage n/a
//	free   →  freed, after garbage has been collected and given back to the system
func obey(in io.Reader, out io.Writer) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		switch lines.Text() {
		case "usage":
			if u, err := ownUsage(); err != nil {
				fmt.Fprintln(out, "usage n/a")
			} else {
				fmt.Fprintf(out, "usage %d %d %d\n", u.sum.Nanoseconds(), u.user, u.system)
			}
		case "free":
			// Twice: what lies in a sync.Pool outlives one collection.
			debug.FreeOSMemory()
			debug.FreeOSMemory()
			fmt.Fprintln(out, "freed")
		}
	}
}
