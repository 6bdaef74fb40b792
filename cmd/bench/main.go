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
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/compare"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/report"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
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

func main() { bench.Main() }

// bench are the commands.
var bench = command.Program{Usage: usageText, Default: "compare", Commands: map[string]command.Func{
	"compare": compare.Command,
	"serve":   servers.Command,
	"load":    load.Command,
	"report":  report.Command,
}}
