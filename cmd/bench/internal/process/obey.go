package process

import (
	"bufio"
	"fmt"
	"io"
	"runtime/debug"
)

// Listening is what serve's first line begins with; the address follows.
const Listening = "listening on "

// Obey answers the commands of a parent process, one a line, until its end of the pipe closes.
//
//	usage  →  usage SUM USER SYSTEM, as in type Usage, the sum in nanoseconds; or usage n/a
//	free   →  freed, after garbage has been collected and given back to the system
func Obey(in io.Reader, out io.Writer) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		switch lines.Text() {
		case "usage":
			if u, err := OwnUsage(); err != nil {
				fmt.Fprintln(out, "usage n/a")
			} else {
				fmt.Fprintf(out, "usage %d %d %d\n", u.Sum.Nanoseconds(), u.user, u.system)
			}
		case "free":
			// Twice: what lies in a sync.Pool outlives one collection.
			debug.FreeOSMemory()
			debug.FreeOSMemory()
			fmt.Fprintln(out, "freed")
		}
	}
}
