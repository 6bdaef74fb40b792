package processes

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// firstInherited is where descriptors that a program is given begin: behind input, output and errors.
const firstInherited = 3

// childVariable carries identity, as JSON, from a master to the process that it starts.
const childVariable = "PEREGRINE_CHILD"

// identity is what a started process is told about itself. Its two pipes follow the listening sockets, and the socket for
// broadcasts follows them.
type identity struct {
	Worker     bool // false: a master that is to take over
	Index      int
	Generation int
	Loops      int
	Given      bool  // the sockets came from outside at first, and take the place of Options.Addrs
	BeatEvery  int64 // nanoseconds
	Radio      bool  // there is a socket for broadcasts; masters of before these do not give one
}

// inheritedSocket is a listening socket that the program was given.
type inheritedSocket struct {
	name string
	file *os.File
}

// inheritance is all that a process was given by who started it.
type inheritance struct {
	identity *identity // nil: not started by a master
	sockets  []inheritedSocket
	admin    *os.File // the admin endpoint's
	up, down *os.File // to and from the master
	radio    *os.File // for broadcasts
}

// given reports whether the sockets take the place of Options.Addrs.
func (in inheritance) given() bool { return in.identity == nil || in.identity.Given }

// takeInheritance reads the environment, and takes what concerns this process alone out of it, so that programs that are
// started from here do not believe that they are meant.
func takeInheritance() (in inheritance, err error) {
	take := func(name string) string {
		defer os.Unsetenv(name)
		return os.Getenv(name)
	}
	child, pid, fds, names := take(childVariable), take("LISTEN_PID"), take("LISTEN_FDS"), take("LISTEN_FDNAMES")
	if child != "" {
		in.identity = new(identity)
		if err := json.Unmarshal([]byte(child), in.identity); err != nil {
			return in, fmt.Errorf("processes: %s in the environment is %q: it is not for you to set: %w", childVariable, child, err)
		}
	} else if pid != strconv.Itoa(os.Getpid()) {
		return in, nil // none, or for another process
	}
	n, err := strconv.Atoi(fds)
	if err != nil || n < 0 || n > inheritedMax {
		return in, fmt.Errorf("processes: LISTEN_FDS in the environment is %q: want a number of descriptors, at most %d", fds, inheritedMax)
	}
	name := func(i int) string { return "" }
	if list := strings.Split(names, ":"); len(list) == n {
		name = func(i int) string { return unescapeName(list[i]) }
	}
	for i := range n {
		fd := firstInherited + i
		if err := netio.IsListening(fd); err != nil {
			return in, fmt.Errorf("processes: inherited descriptor %d of %d (%q) %w: want listening sockets only, from descriptor %d on, as many as LISTEN_FDS says",
				fd, n, name(i), err, firstInherited)
		}
		f, err := own(fd, name(i))
		if err != nil {
			return in, err
		}
		if in.identity != nil && name(i) == adminName {
			in.admin = f
			continue
		}
		in.sockets = append(in.sockets, inheritedSocket{name(i), f})
	}
	if in.identity != nil {
		if in.up, err = own(firstInherited+n, "to the master"); err == nil {
			in.down, err = own(firstInherited+n+1, "from the master")
		}
		if err == nil && in.identity.Radio {
			in.radio, err = own(firstInherited+n+2, "broadcasts")
		}
	}
	return in, err
}

func own(fd int, name string) (*os.File, error) {
	if err := netio.Own(fd); err != nil {
		return nil, fmt.Errorf("processes: inherited descriptor %d (%q): %w", fd, name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Names in LISTEN_FDNAMES have colons between them.
var (
	escapeName   = strings.NewReplacer("%", "%25", ":", "%3A").Replace
	unescapeName = strings.NewReplacer("%25", "%", "%3A", ":").Replace
)

// environment returns this process's environment for one that it starts with n sockets.
func environment(id identity, names []string) []string {
	var env []string
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case childVariable, "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES":
			continue
		case "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC":
			if id.Worker { // they are the master's business
				continue
			}
		}
		env = append(env, v)
	}
	text, _ := json.Marshal(id) // numbers and a truth value: it cannot fail
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = escapeName(name)
	}
	return append(env, childVariable+"="+string(text), "LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(escaped, ":"))
}

// listener makes a net.Listener of an inherited socket. It has a descriptor of its own.
func listener(f *os.File) (net.Listener, error) {
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("processes: inherited socket %q: %w", f.Name(), err)
	}
	return l, nil
}
