package listen

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reaches says whether a connection to addr is accepted by l.
func reaches(t *testing.T, l net.Listener, network, addr string) bool {
	t.Helper()
	c, err := net.DialTimeout(network, addr, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	go io.WriteString(c, "mine")
	for range 20 { // before it there may be some that came to look whether the socket is in use
		s, err := l.Accept()
		require.NoError(t, err)
		text, _ := io.ReadAll(io.LimitReader(s, 4))
		s.Close()
		if string(text) == "mine" {
			return true
		}
	}
	return false
}

func hasIPv6(t *testing.T) bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		l.Close()
	}
	return err == nil
}

func port(t *testing.T, l net.Listener) string {
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

func TestListenTCP(t *testing.T) {
	for _, c := range []struct {
		addr   string
		v4, v6 bool
	}{
		{":0", true, true},
		{"[::]:0", true, true},
		{"0.0.0.0:0", true, true},
		{"tcp4::0", true, false},
		{"tcp4:0.0.0.0:0", true, false},
		{"tcp6:[::]:0", false, true},
		{"127.0.0.1:0", true, false},
		{"[::1]:0", false, true},
		{"localhost:0", true, false},
	} {
		if c.v6 && !hasIPv6(t) {
			t.Log("no IPv6: left out:", c.addr)
			continue
		}
		l, err := Config{}.Listen(c.addr)
		require.NoError(t, err, c.addr)
		require.IsType(t, new(net.TCPListener), l)
		require.Equal(t, c.v4, reaches(t, l, "tcp", "127.0.0.1:"+port(t, l)), c.addr)
		if hasIPv6(t) {
			require.Equal(t, c.v6, reaches(t, l, "tcp", "[::1]:"+port(t, l)), c.addr)
		}
		require.NoError(t, l.Close())
	}
}

func TestListenZone(t *testing.T) {
	if !hasIPv6(t) {
		t.Skip("no IPv6")
	}
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			l, err := Config{}.Listen("[::1%" + i.Name + "]:0")
			require.NoError(t, err)
			defer l.Close()
			require.True(t, reaches(t, l, "tcp", "[::1]:"+port(t, l)))
		}
	}
	_, err = Config{}.Listen("[fe80::1%nowhere]:0")
	require.ErrorContains(t, err, "listen: cannot listen on [fe80::1%nowhere]:0")
}

// Both versions on one port by two sockets, and several addresses at once.
func TestAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var p string
	var addrs []string
	var all []net.Listener
	for range 10 { // a port that is free may be somebody's in the next moment
		first, err := Config{}.Listen("tcp4::0")
		require.NoError(t, err)
		p = port(t, first)
		first.Close()
		addrs = []string{"tcp4::" + p, "unix:" + path}
		if hasIPv6(t) {
			addrs = append(addrs, "tcp6::"+p)
		}
		if all, err = (Config{}).All(addrs...); err == nil {
			break
		}
	}
	require.Len(t, all, len(addrs))
	require.True(t, reaches(t, all[0], "tcp", "127.0.0.1:"+p))
	require.True(t, reaches(t, all[1], "unix", path))
	if len(all) > 2 {
		require.True(t, reaches(t, all[2], "tcp", "[::1]:"+p))
	}

	// What was opened before the one that fails is closed again.
	other := filepath.Join(filepath.Dir(path), "o")
	_, err := Config{}.All("unix:"+other, "127.0.0.1:"+p)
	require.ErrorContains(t, err, "another program does, or another instance of this one")
	require.ErrorContains(t, err, "127.0.0.1:"+p)
	_, err = os.Lstat(other)
	require.ErrorIs(t, err, os.ErrNotExist)
	closeAll(all)
}

func TestShare(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no SO_REUSEPORT")
	}
	all, err := Config{}.Share("127.0.0.1:0", 3)
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Equal(t, all[0].Addr().String(), all[2].Addr().String())
	_, err = Config{}.Share(all[0].Addr().String(), 2)
	require.ErrorContains(t, err, "another instance", "the second instance")
	_, err = Config{}.Listen(all[0].Addr().String())
	require.Error(t, err)
	more, err := Config{ReusePort: true}.Listen(all[0].Addr().String())
	require.NoError(t, err)
	more.Close()
	closeAll(all)

	_, err = Config{}.Share("unix:x", 2)
	require.ErrorContains(t, err, "SO_REUSEPORT is for TCP")
	_, err = Config{}.Share(":0", 0)
	require.ErrorContains(t, err, "want 1 or more")
}

func TestListenRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ addr, want string }{
		{"192.0.2.1:0", "this machine has no such address"},
		{"127.0.0.1:nosuchservice", "cannot listen on 127.0.0.1:nosuchservice"},
		{"127.0.0.1:65536", "cannot listen on 127.0.0.1:65536"},
		{"unix:" + dir + "/no/s", "its directory is missing: make it"},
	} {
		_, err := Config{}.Listen(c.addr)
		require.ErrorContains(t, err, c.want, c.addr)
		require.ErrorContains(t, err, c.addr)
	}
	if os.Getuid() != 0 && runtime.GOOS == "linux" {
		_, err := Config{}.Listen("127.0.0.1:1")
		require.ErrorContains(t, err, "CAP_NET_BIND_SERVICE")
		require.NoError(t, os.Mkdir(dir+"/closed", 0o500))
		_, err = Config{}.Listen("unix:" + dir + "/closed/s")
		require.ErrorContains(t, err, "its directory is not to be written to")
	}
}

func TestConfigCheck(t *testing.T) {
	require.NoError(t, Config{}.Check())
	for want, c := range map[string]Config{
		"Config.KeepAliveIdle is -1s: want whole seconds from 0 to 32767": {KeepAliveIdle: -time.Second},
		"Config.KeepAliveInterval is 1.5s: want whole":                    {KeepAliveInterval: 1500 * time.Millisecond},
		"Config.DeferAccept is 9h6m8s: want":                              {DeferAccept: 32768 * time.Second},
		"Config.KeepAliveCount is 128: want 0 to 127":                     {KeepAliveCount: 128},
		"Config.FastOpen is -1: want 0 to 65535":                          {FastOpen: -1},
		"Config.Backlog is 65536: want 0 to 65535":                        {Backlog: 65536},
		"Config.Mode is Srw-------: want permission bits":                 {Mode: os.ModeSocket | 0o600},
		`Config.Owner is "nobody at all": want a user of this machine`:    {Owner: "nobody at all"},
		`Config.Group is "4294967295": want a group of this machine`:      {Group: "4294967295"},
	} {
		require.ErrorContains(t, c.Check(), want)
		_, err := c.Listen("127.0.0.1:0")
		require.ErrorContains(t, err, want)
	}
}

// fake accepts nothing, and says when it is closed.
type fake struct {
	net.Listener
	closed chan struct{}
	once   sync.Once
}

func (f *fake) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

func TestServe(t *testing.T) {
	require.ErrorContains(t, Serve(nil, nil), "there is no listener")
	broken := errors.New("broken")
	a, b := &fake{closed: make(chan struct{})}, &fake{closed: make(chan struct{})}
	err := Serve([]net.Listener{a, b}, func(l net.Listener) error {
		if l == a {
			return broken
		}
		<-l.(*fake).closed
		return net.ErrClosed
	})
	require.Equal(t, broken, err)
	<-a.closed
}
