package processes

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"

	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// group is the sockets of one address: one that all workers share, or several, of which each belongs to one worker.
type group struct {
	addr    string // as in Options.Addrs
	files   []*os.File
	private bool              // nobody else may connect
	made    listen.SocketFile // of a Unix socket
	handed  bool              // it is from the master whose place this one takes
}

// sockets are all listening sockets of a master.
type sockets []*group

// fate is what becomes of the files of Unix sockets that are closed.
type fate uint8

const (
	removed fate = iota
	kept         // another master goes on with them
	split        // the master whose place this one wants to take goes on with those that it has handed over
)

// openSockets takes the sockets that the program was given, and opens what is missing. After an error none is left open.
// Sockets are kept in the order of addrs. Of those that are no longer wanted only the files are left.
func openSockets(o Options, in inheritance) (all, unwanted sockets, err error) {
	defer func() {
		if err != nil {
			all.close(split)
		}
	}()
	given := map[string]*group{}
	for _, s := range in.sockets {
		if in.given() { // each for itself, whatever it is called
			all = append(all, &group{addr: s.name, files: []*os.File{s.file}})
			continue
		}
		if given[s.name] == nil {
			given[s.name] = &group{addr: s.name, handed: true}
		}
		given[s.name].files = append(given[s.name].files, s.file)
	}
	if len(all) > 0 {
		return all, nil, nil
	}
	if len(o.Addrs) == 0 {
		return nil, nil, errNoAddress
	}
	for _, addr := range o.Addrs {
		g := given[addr]
		if delete(given, addr); g == nil {
			g = &group{addr: addr}
		}
		all = append(all, g)
		if err := g.open(o); err != nil {
			return all, nil, err
		}
	}
	for _, g := range given {
		unwanted = append(unwanted, g.leave())
	}
	return all, unwanted, nil
}

// leave closes the sockets of a group that this program does not serve any more. Its file is to be removed when nobody does.
func (g *group) leave() *group {
	left := &group{addr: g.addr}
	if a, err := listen.Parse(g.addr); err == nil {
		left.findFile(a)
	}
	g.close(kept)
	return left
}

func (g *group) findFile(a listen.Address) {
	if a.Path() != "" {
		g.made, _ = listen.FindSocketFile(a.Path())
	}
}

// open brings a group to its number of sockets.
func (g *group) open(o Options) error {
	a, err := listen.Parse(g.addr)
	if err != nil {
		return fmt.Errorf("processes: %w", err)
	}
	how := o.Listen
	if g.private {
		how = listen.Config{Mode: 0o600}
	}
	if a.Network == "unix" {
		if len(g.files) == 0 {
			l, err := how.Listen(g.addr)
			if err == nil {
				err = g.keep(l)
			}
			if err != nil {
				return fmt.Errorf("processes: %w", err)
			}
		}
		g.findFile(a)
		return nil
	}
	want := o.Processes
	if o.Share == Shared || runtime.GOOS != "linux" || !o.mastered() || len(g.files) == 1 { // one may have no companions
		want = 1
	}
	var opened []net.Listener
	switch {
	case len(g.files) == 0 && want > 1:
		opened, err = how.Share(g.addr, want)
	case len(g.files) == 0:
		opened, err = how.All(g.addr)
	case len(g.files) < want: // the program that takes over has more workers
		how.ReusePort = true
		var first net.Listener
		if first, err = listener(g.files[0]); err == nil {
			a.Name = first.Addr().String()
			first.Close()
			opened, err = how.All(slices.Repeat([]string{a.String()}, want-len(g.files))...)
		}
	}
	for _, l := range opened {
		err = errors.Join(err, g.keep(l))
	}
	if err != nil {
		return fmt.Errorf("processes: %w", err)
	}
	return nil
}

// keep takes a listener's socket over into the group, and the file of a Unix socket with it. After an error neither is left.
func (g *group) keep(l net.Listener) error {
	defer l.Close()
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
	if file, ok := l.(interface{ SetUnlinkOnClose(bool) }); ok {
		file.SetUnlinkOnClose(false)
	}
	g.files = append(g.files, os.NewFile(uintptr(fd), g.addr))
	return nil
}

// of returns the files of worker index of n. Sockets are never left without a worker, nor workers without a socket: if there
// are more sockets than workers, because there were more of those before, some workers have two; if there are fewer, workers
// share them.
func (all sockets) of(index, n int) (files []*os.File, names []string) {
	for _, g := range all {
		for i, f := range g.files {
			if i%n == index || len(g.files) < n && i == index%len(g.files) {
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

// close closes the sockets.
func (all sockets) close(files fate) {
	for _, g := range all {
		g.close(files)
	}
}

func (g *group) close(files fate) {
	if g.made != (listen.SocketFile{}) && (files == removed || files == split && !g.handed) {
		g.made.Remove()
	}
	for _, f := range g.files {
		f.Close()
	}
	g.files, g.made = nil, listen.SocketFile{}
}
