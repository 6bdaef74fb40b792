package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

func (c Config) listenUnix(a Address) (net.Listener, error) {
	if a.abstract() {
		return c.listenAbstract(a)
	}
	defer lockDirectory(filepath.Dir(a.Name), lockTimeout)()
	if err := makeRoom(a.Name); err != nil {
		return nil, refused(a, err)
	}
	// Before it has a file the socket is for its user alone: what the umask leaves may be more than Mode.
	config := net.ListenConfig{Control: controlled(private)}
	bound, err := config.Listen(context.Background(), "unix", a.Name)
	if err != nil {
		return nil, refused(a, err)
	}
	l := &unixListener{UnixListener: bound.(*net.UnixListener)}
	l.UnixListener.SetUnlinkOnClose(false)
	if l.file, err = FindSocketFile(a.Name); err == nil {
		err = c.open(l.file)
	}
	if err == nil {
		err = c.setBacklog(bound)
	}
	if err != nil {
		l.Close()
		return nil, refused(a, err)
	}
	return l, nil
}

// private: where sockets have no mode, the file has the umask's until it gets its own.
func private(fd int) error {
	if err := netio.SetPrivate(fd); !errors.Is(err, netio.ErrUnsupported) {
		return err
	}
	return nil
}

func (c Config) listenAbstract(a Address) (net.Listener, error) {
	switch {
	case runtime.GOOS != "linux":
		return nil, fmt.Errorf("listen: cannot listen on %s: abstract sockets are Linux's: choose a path", a)
	case c.Mode != 0 || c.Owner != "" || c.Group != "":
		return nil, fmt.Errorf("listen: cannot listen on %s: without a file it has no mode and no owner, every program in its network namespace may connect: leave Config.Mode, Owner and Group out, or choose a path", a)
	}
	l, err := net.Listen("unix", a.Name)
	if err != nil {
		return nil, refused(a, err)
	}
	if err := c.setBacklog(l); err != nil {
		l.Close()
		return nil, refused(a, err)
	}
	return l, nil
}

// open gives the file its owner and only then, to that one, its mode.
func (c Config) open(f SocketFile) error {
	ids, err := c.owner()
	if err != nil {
		return err
	}
	if ids.user >= 0 || ids.group >= 0 {
		if err := os.Lchown(f.path, ids.user, ids.group); err != nil {
			return fmt.Errorf("give it to user %q, group %q: %w", c.Owner, c.Group, err)
		}
	}
	mode := c.Mode
	if mode == 0 {
		mode = ModeDefault
	}
	return os.Chmod(f.path, mode)
}

// makeRoom removes what is left of an instance that was killed, and nothing else.
func makeRoom(path string) error {
	there, err := FindSocketFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	c, err := net.DialTimeout("unix", path, probeTimeout)
	switch {
	case err == nil:
		c.Close()
	case errors.Is(err, syscall.ECONNREFUSED):
		return there.Remove()
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s is a socket that this user may not connect to, so nobody can say whether it is in use: remove it, or choose another path", path)
	}
	return fmt.Errorf("%s is the socket of a program that is running: stop it, or choose another path", path)
}

// lockDirectory keeps other instances from looking, removing and binding in between. It is advice among ourselves: a directory
// that cannot be locked is used without, and so is one that somebody has locked for longer than we would. Who may list a
// directory may lock it, in /run every user, and must not keep a service from starting so.
func lockDirectory(dir string, wait time.Duration) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {} // if it matters, bind says so
	}
	for until := time.Now().Add(wait); ; time.Sleep(lockPoll) {
		if locked, err := netio.TryLock(int(f.Fd())); locked || err != nil || time.Now().After(until) {
			return func() { f.Close() }
		}
	}
}

// SocketFile is the file of a Unix socket.
type SocketFile struct {
	path string
	info fs.FileInfo
}

// FindSocketFile returns the file of the Unix socket at path. Anything else at this path is an error, as is nothing
// (fs.ErrNotExist).
func FindSocketFile(path string) (SocketFile, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return SocketFile{}, err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return SocketFile{}, fmt.Errorf("%s is there and is not a socket (it is %v): remove it, or choose another path", path, info.Mode())
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs // the working directory may be another one by the time of Remove
	}
	return SocketFile{path, info}, nil
}

// Remove removes the file, if what is at its path is still the same one: a socket that has taken its place may have the
// same inode, but was made later. That there is none any more is no error.
func (f SocketFile) Remove() error {
	now, err := os.Lstat(f.path)
	if err != nil || !os.SameFile(f.info, now) || !f.info.ModTime().Equal(now.ModTime()) {
		return nil
	}
	if err := os.Remove(f.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unixListener is a net.UnixListener that removes the file which it has made, and no other one at the same path.
type unixListener struct {
	*net.UnixListener
	file SocketFile
	once sync.Once
	stay atomic.Bool
}

var _ transport.Layered = (*unixListener)(nil)

// SetUnlinkOnClose is as that of net.UnixListener: false leaves the file to another program that has the socket.
func (l *unixListener) SetUnlinkOnClose(unlink bool) { l.stay.Store(!unlink) }

// Close removes the file and closes the socket.
func (l *unixListener) Close() error {
	l.once.Do(func() {
		if l.file.info != nil && !l.stay.Load() {
			l.file.Remove()
		}
	})
	return l.UnixListener.Close()
}

// Beneath implements transport.Layered.
func (l *unixListener) Beneath() net.Listener { return l.UnixListener }

// Layer implements transport.Layered: there is nothing to do for connections.
func (l *unixListener) Layer(next func(transport.Conn) transport.Session) func(transport.Conn) transport.Session {
	return next
}
