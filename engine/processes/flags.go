package processes

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
)

// Flags adds to fs the flags that programs want: -addr, -processes, -loops, -share and -admin. They set o, whose fields are
// their defaults. -admin also sets Master: somebody has to answer. The environment overrides flags, as it
// overrides the program.
func (o *Options) Flags(fs *flag.FlagSet) {
	fs.Var(value{func() string { return strings.Join(o.Addrs, ",") }, func(s string) error {
		o.Addrs = strings.Split(s, ",")
		return nil
	}}, "addr", "`ADDRESS` to listen on, host:port or unix:path; several with commas between them")
	fs.Var(value{func() string { return strconv.Itoa(max(o.Processes, 0)) }, o.setProcesses}, "processes", "worker `processes`; 1: serve here, without a master; 0: one per core")
	fs.Var(value{func() string { return strconv.Itoa(o.Loops) }, o.setLoops}, "loops", "event loops in each process; 0: the cores shared out")
	fs.Var(value{o.Share.String, func(s string) error {
		for share := PerWorker; share <= Shared; share++ {
			if share.String() == s {
				o.Share = share
				return nil
			}
		}
		return fmt.Errorf("want %s or %s", PerWorker, Shared)
	}}, "share", "`HOW` workers share a port: per-worker, with a socket each, or shared")
	fs.Var(value{func() string { return o.Admin }, func(s string) error {
		o.Admin, o.Master = s, true
		return nil
	}}, "admin", "`PATH` of a Unix socket for status, metrics and commands")
}

// String returns what the flag -share reads.
func (s Share) String() string {
	switch s {
	case PerWorker:
		return "per-worker"
	case Shared:
		return "shared"
	}
	return strconv.Itoa(int(s))
}

// setProcesses reads what flag and environment say: 0 there means as many as there are cores.
func (o *Options) setProcesses(s string) error {
	n, err := number(s, ProcessesMax)
	if err != nil {
		return err
	}
	if o.Processes = n; n == 0 {
		o.Processes = -1
	}
	return nil
}

func (o *Options) setLoops(s string) error {
	n, err := number(s, loopsMax)
	if err == nil {
		o.Loops = n
	}
	return err
}

func number(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("want a number from 0 to %d", most)
	}
	return n, nil
}

// value is a flag that lives in Options.
type value struct {
	get func() string
	set func(string) error
}

func (v value) String() string {
	if v.get == nil { // package flag asks the zero value
		return ""
	}
	return v.get()
}

func (v value) Set(s string) error { return v.set(s) }
