//go:build unix

package listen

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

func mode(t *testing.T, path string) os.FileMode {
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSocket)
	return info.Mode().Perm()
}

func gone(t *testing.T, path string) {
	t.Helper()
	_, err := os.Lstat(path)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// abandoned leaves a socket's file behind as a program does that was killed.
func abandoned(t *testing.T, path string) {
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
}

func TestUnixFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, c := range []struct{ mode, want os.FileMode }{{0, 0o600}, {0o660, 0o660}, {0o666, 0o666}, {0o600, 0o600}} {
		l, err := Config{Mode: c.mode, Backlog: 7}.Listen("unix:" + path)
		require.NoError(t, err)
		require.Equal(t, c.want, mode(t, path))
		require.Equal(t, path, l.Addr().String())
		require.IsType(t, new(net.UnixListener), transport.Bottom(l))
		require.True(t, reaches(t, l, "unix", path))
		require.NoError(t, l.Close())
		gone(t, path)
		require.Error(t, l.Close())
	}
}

// A relative path is the shorter one.
func TestUnixRelative(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l, err := Config{}.Listen("unix:s")
	require.NoError(t, err)
	require.True(t, reaches(t, l, "unix", "s"))
	t.Chdir(t.TempDir()) // as daemons do
	l.Close()
	gone(t, filepath.Join(dir, "s"))
}

func TestUnixOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	groups, err := os.Getgroups()
	require.NoError(t, err)
	group := os.Getgid()
	for _, g := range groups {
		group = g
	}
	if os.Getuid() == 0 {
		group = 12345
	}
	l, err := Config{Owner: strconv.Itoa(os.Getuid()), Group: strconv.Itoa(group), Mode: 0o660}.Listen("unix:" + path)
	require.NoError(t, err)
	defer l.Close()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.EqualValues(t, group, info.Sys().(*syscall.Stat_t).Gid)
	require.EqualValues(t, os.Getuid(), info.Sys().(*syscall.Stat_t).Uid)
	require.Equal(t, os.FileMode(0o660), mode(t, path))
	if os.Getuid() != 0 {
		_, err = Config{Owner: "0"}.Listen("unix:" + path + "2")
		require.ErrorContains(t, err, `give it to user "0"`)
		gone(t, path+"2")
	}
}

// At no moment is the file open to more than its mode says, whatever the umask: somebody looks all the time.
func TestUnixIsNeverTooOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the umask counts here")
	}
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "s")
	stop, watched := make(chan struct{}), make(chan os.FileMode)
	go func() {
		var seen os.FileMode
		for {
			select {
			case <-stop:
				watched <- seen
				return
			default:
			}
			if info, err := os.Lstat(path); err == nil {
				seen |= info.Mode().Perm()
			}
		}
	}()
	for range 300 {
		l, err := Config{Mode: 0o620}.Listen("unix:" + path)
		require.NoError(t, err)
		l.Close()
	}
	close(stop)
	require.Zero(t, <-watched&^0o620)
}

func TestUnixStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	abandoned(t, path)
	l, err := Config{}.Listen("unix:" + path)
	require.NoError(t, err)
	require.True(t, reaches(t, l, "unix", path))

	_, err = Config{}.Listen("unix:" + path)
	require.ErrorContains(t, err, "is the socket of a program that is running: stop it")
	require.True(t, reaches(t, l, "unix", path), "and it goes on")
	l.Close()
}

func TestUnixLeavesOtherThingsAlone(t *testing.T) {
	dir := t.TempDir()
	file, sub, link, target := dir+"/file", dir+"/sub", dir+"/link", dir+"/target"
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o644))
	require.NoError(t, os.Mkdir(sub, 0o755))
	abandoned(t, target)
	require.NoError(t, os.Symlink(target, link)) // to a socket, even: whoever made it meant something by it
	for _, path := range []string{file, sub, link} {
		_, err := Config{}.Listen("unix:" + path)
		require.ErrorContains(t, err, path+" is there and is not a socket")
		_, err = os.Lstat(path)
		require.NoError(t, err)
	}
	require.Equal(t, os.FileMode(0), mode(t, target)&0o002)
}

// What has taken the socket's place is not removed by its Close; neither is what another program goes on with.
func TestUnixCloseLeavesOtherThingsAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Config{}.Listen("unix:" + path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	time.Sleep(20 * time.Millisecond) // more than the clock of files is coarse, for the inode may be the same
	next, err := Config{}.Listen("unix:" + path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.True(t, reaches(t, next, "unix", path))
	next.(interface{ SetUnlinkOnClose(bool) }).SetUnlinkOnClose(false)
	require.NoError(t, next.Close())
	f, err := FindSocketFile(path)
	require.NoError(t, err)
	require.NoError(t, f.Remove())
	gone(t, path)
	require.NoError(t, f.Remove())
}

// Many instances start at once where one was killed: one gets the socket, and keeps it.
func TestUnixOneOfManyWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for range 20 {
		abandoned(t, path)
		var wg sync.WaitGroup
		won := make(chan net.Listener, 8)
		for range cap(won) {
			wg.Go(func() {
				if l, err := (Config{}).Listen("unix:" + path); err == nil {
					won <- l
				}
			})
		}
		wg.Wait()
		require.Len(t, won, 1)
		l := <-won
		require.True(t, reaches(t, l, "unix", path))
		l.Close()
	}
}

func TestUnixDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	unlock := lockDirectory(dir, 0)
	done := make(chan error, 1)
	go func() {
		l, err := Config{}.Listen("unix:" + dir + "/s")
		if err == nil {
			l.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatal("it did not wait:", err)
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	require.NoError(t, <-done)
}

// Whoever may list a directory may lock it, and nobody is kept from starting by that.
func TestUnixDirectoryIsLockedForEver(t *testing.T) {
	dir := t.TempDir()
	defer lockDirectory(dir, 0)()
	lockDirectory(dir, 20*time.Millisecond)()
}

func TestAbstract(t *testing.T) {
	name := "@peregrine-test-" + strconv.Itoa(os.Getpid())
	if runtime.GOOS != "linux" {
		_, err := Config{}.Listen("unix:" + name)
		require.ErrorContains(t, err, "abstract sockets are Linux's")
		return
	}
	l, err := Config{Backlog: 3}.Listen("unix:" + name)
	require.NoError(t, err)
	require.True(t, reaches(t, l, "unix", name))
	_, err = Config{}.Listen("unix:" + name)
	require.ErrorContains(t, err, "another instance of this one")
	l.Close()
	_, err = Config{Mode: 0o600}.Listen("unix:" + name)
	require.ErrorContains(t, err, "it has no mode and no owner")
}

// A program that nobody can connect to because it belongs to another user is left alone.
func TestUnixOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("takes two users")
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("no setpriv to be another user with")
	}
	dir, err := os.MkdirTemp("/tmp", "listen")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o777))
	l, err := Config{}.Listen("unix:" + dir + "/s")
	require.NoError(t, err)
	defer l.Close()
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(dir, "test")
	text, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, text, 0o755))
	c := exec.Command("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", program, "-test.run=TestAsAnotherUser")
	c.Dir = dir
	c.Env = append(os.Environ(), "LISTEN_ON=unix:"+dir+"/s")
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	require.True(t, reaches(t, l, "unix", dir+"/s"))
}

// TestAsAnotherUser is run by TestUnixOfAnotherUser.
func TestAsAnotherUser(t *testing.T) {
	addr := os.Getenv("LISTEN_ON")
	if addr == "" {
		t.Skip("run by TestUnixOfAnotherUser")
	}
	_, err := Config{}.Listen(addr)
	require.ErrorContains(t, err, "is a socket that this user may not connect to")
}
