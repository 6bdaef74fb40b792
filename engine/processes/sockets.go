package processes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/internal/netio"
)

const unixPrefix = "unix:"

// group is the sockets of one address: one that all workers share, or several, of which each belongs to one worker.
type group struct {
	addr    string // as in Options.Addrs
	files   []*os.File
	private bool        // nobody else may connect
	made    os.FileInfo // the file of a Unix socket that we have made, nil otherwise
}

// sockets are all listening sockets of a master.
type sockets []*group

// openSockets takes the sockets that the program was given, and opens what is missing. After an error none is left open.
// Sockets are kept in the order of addrs.
func openSockets(o Options, in inheritance) (all sockets, err error) {
	defer func() {
		if err != nil {
			all.close(in.identity == nil)
		}
	}()
	given := map[string]*group{}
	for _, s := range in.sockets {
		if in.given() { // each for itself, whatever it is called
			all = append(all, &group{addr: s.name, files: []*os.File{s.file}})
			continue
		}
		if given[s.name] == nil {
			given[s.name] = &group{addr: s.name}
		}
		given[s.name].files = append(given[s.name].files, s.file)
	}
	if len(all) > 0 {
		return all, nil
	}
	if len(o.Addrs) == 0 {
		return nil, errNoAddress
	}
	for _, addr := range o.Addrs {
		g := given[addr]
		if delete(given, addr); g == nil {
			g = &group{addr: addr}
		}
		all = append(all, g)
		if err := g.open(o); err != nil {
			return all, err
		}
	}
	for _, g := range given { // no longer wanted
		g.close(false)
	}
	return all, nil
}

// open brings a group to its number of sockets.
func (g *group) open(o Options) error {
	if path, unix := strings.CutPrefix(g.addr, unixPrefix); unix {
		if len(g.files) > 0 {
			g.made, _ = os.Lstat(path)
			return nil
		}
		return g.openUnix(path)
	}
	want := o.Processes
	if o.Share == Shared || runtime.GOOS != "linux" || !o.mastered() {
		want = 1
	}
	if len(g.files) == 1 {
		want = 1 // it may not be one that has companions
	}
	addr := g.addr
	switch {
	case len(g.files) > 0:
		l, err := listener(g.files[0])
		if err != nil {
			return err
		}
		addr = l.Addr().String()
		l.Close()
	case want > 1:
		// With SO_REUSEPORT a second instance of this program would not fail, but take half of the connections. So the
		// address is first taken as those without it are.
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return g.refused(err)
		}
		addr = l.Addr().String()
		l.Close()
	}
	config := net.ListenConfig{}
	if want > 1 {
		config.Control = controlled(netio.SetReusePort)
	}
	for len(g.files) < want {
		l, err := config.Listen(context.Background(), "tcp", addr)
		if err != nil {
			return g.refused(err)
		}
		err = g.keep(l)
		l.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// controlled calls f with a socket before it has an address.
func controlled(f func(fd int) error) func(_, _ string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
			return e
		}
		return err
	}
}

func (g *group) refused(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("processes: cannot listen on %s: another program does, or another instance of this one: stop it, or choose another address: %w", g.addr, err)
	}
	return fmt.Errorf("processes: cannot listen on %s: %w", g.addr, err)
}

// openUnix makes a Unix socket. What stands at its path is left alone, unless it is a socket of ours that nobody listens on
// any more: what is left of an instance that was killed.
func (g *group) openUnix(path string) error {
	if err := clearPath(path); err != nil {
		return fmt.Errorf("processes: cannot listen on %s: %w", g.addr, err)
	}
	config := net.ListenConfig{}
	if g.private {
		config.Control = controlled(netio.SetPrivate)
	}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return g.refused(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	defer l.Close()
	if g.made, err = os.Lstat(path); err != nil {
		return fmt.Errorf("processes: %w", err)
	}
	if g.private { // where the mode of the socket is not that of its file
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("processes: %w", err)
		}
	}
	return g.keep(l)
}

// clearPath makes room for a Unix socket.
func clearPath(path string) error {
	there, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case there.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s is there and is not a socket (%s): remove it, or choose another path", path, there.Mode().Type())
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s is the socket of a program that is running: stop it, or choose another path", path)
	}
	return os.Remove(path)
}

// keep adds a listener's socket to the group. The listener may be closed then.
func (g *group) keep(l net.Listener) error {
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var fd int
	if e := raw.Control(func(n uintptr) { fd, err = netio.Dup(int(n)) }); e != nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("processes: socket of %s: %w", g.addr, err)
	}
	g.files = append(g.files, os.NewFile(uintptr(fd), g.addr))
	return nil
}

// of returns the files of worker index of n. Sockets are never left without a worker: if there are more than workers,
// because there were more of them before, some have two.
func (all sockets) of(index, n int) (files []*os.File, names []string) {
	for _, g := range all {
		for i, f := range g.files {
			if len(g.files) == 1 || i%n == index {
				files, names = append(files, f), append(names, g.addr)
			}
		}
	}
	return files, names
}

// every returns all files, for the next master.
func (all sockets) every() (files []*os.File, names []string) { return all.of(0, 1) }

func (all sockets) addrs() (addrs []net.Addr, err error) {
	for _, g := range all {
		l, err := listener(g.files[0])
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, l.Addr())
		l.Close()
	}
	return addrs, nil
}

// close closes the sockets, and removes the files of Unix sockets if nobody goes on with them.
func (all sockets) close(remove bool) {
	for _, g := range all {
		g.close(remove)
	}
}

func (g *group) close(remove bool) {
	path, unix := strings.CutPrefix(g.addr, unixPrefix)
	if unix && remove && g.made != nil {
		if now, err := os.Lstat(path); err == nil && os.SameFile(g.made, now) {
			os.Remove(path)
		}
	}
	for _, f := range g.files {
		f.Close()
	}
	g.files, g.made = nil, nil
}
