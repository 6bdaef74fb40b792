package epoll_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// TestExhausted runs itself in a child, which lowers its own limit of descriptors: accepting pauses, who is there is
// served, and when descriptors are free again, who has waited is served without anybody's help.
func TestExhausted(t *testing.T) {
	const variable = "EPOLL_TEST_EXHAUSTED"
	mode := os.Getenv(variable)
	if mode == "" {
		for _, mode := range []string{"plain", "with a hook"} {
			t.Run(mode, func(t *testing.T) {
				child := exec.Command(os.Args[0], "-test.run=^TestExhausted$", "-test.v")
				child.Env = append(os.Environ(), variable+"="+mode)
				out, err := child.CombinedOutput()
				require.NoError(t, err, "%s", out)
				require.Contains(t, string(out), "--- PASS: TestExhausted")
			})
		}
		return
	}

	server := &nethttp.Server{Handler: http.HandlerFunc(fast)}
	if mode == "with a hook" { // a net.Conn is made of each connection, which takes one descriptor more for a moment
		server.ConnState = func(net.Conn, http.ConnState) {}
	}
	s := start(t, server)
	there := s.dial(t)
	there.served(1)

	// The clients' sockets exist before the descriptors run out; then they connect.
	var waiting []int
	for range 8 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		waiting = append(waiting, fd)
	}
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	limit.Cur = min(limit.Cur, 128)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))

	for range 3 { // it happens more than once
		var filler []int
		for {
			fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err == unix.EMFILE {
				break
			}
			require.NoError(t, err)
			filler = append(filler, fd)
		}
		// The last one is free: not enough for two clients, or for one with a hook.
		unix.Close(filler[0])
		filler = filler[1:]
		pauses := strings.Count(s.logged(), "Accept error")
		clients := waiting[:2]
		waiting = waiting[2:]
		for _, fd := range clients {
			connect(t, fd, s.l.Addr().(*net.TCPAddr).Port)
			_, err := unix.Write(fd, []byte(get("/fast?exhausted")))
			require.NoError(t, err)
		}
		eventually(t, "a pause", func() bool { return strings.Count(s.logged(), "Accept error") > pauses })
		there.served(20)
		for _, fd := range filler {
			unix.Close(fd)
		}
		for _, fd := range clients {
			require.Contains(t, response(t, fd), "fast exhausted")
		}
		there.served(1)
	}
	s.dial(t).served(3)
	require.Contains(t, s.logged(), "retrying in")
	require.Less(t, strings.Count(s.logged(), "Accept error"), 100, "it pauses, it does not spin")
}

// TestHijackExhausted runs itself in a child as TestExhausted does: a connection that cannot be hijacked for want of a
// descriptor is as it was. Nothing of its answer comes to the connection that has got the next number.
func TestHijackExhausted(t *testing.T) {
	const variable = "EPOLL_TEST_HIJACK_EXHAUSTED"
	if os.Getenv(variable) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestHijackExhausted$", "-test.v")
		child.Env = append(os.Environ(), variable+"=1")
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestHijackExhausted")
		return
	}
	victims := make(chan int, 1) // a duplicate takes the next number that is free
	s := serve(t, map[string]http.HandlerFunc{"/hijack": func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			nc.Close()
			return
		}
		unix.Dup(<-victims)
		http.Error(w, err.Error(), 500)
	}})
	c := s.dial(t)
	c.served(1)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	limit.Cur = min(limit.Cur, 128)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	for free := range 2 {
		var filler []int
		for {
			fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err == unix.EMFILE {
				break
			}
			require.NoError(t, err)
			filler = append(filler, fd)
		}
		for _, fd := range filler[:free] {
			unix.Close(fd)
		}
		victims <- pair[0]
		c.send(get("/hijack"))
		require.Contains(t, c.answer(), "too many open files")
		c.served(3)
		for _, fd := range filler[free:] {
			unix.Close(fd)
		}
	}
	_, err = unix.Read(pair[1], make([]byte, 1))
	require.Equal(t, unix.EAGAIN, err)
	c.send(get("/hijack"))
	require.Empty(t, c.ends())
}

func connect(t *testing.T, fd, port int) {
	t.Helper()
	require.NoError(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20}))
	require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}))
}

func response(t *testing.T, fd int) string {
	t.Helper()
	var all []byte
	for !strings.Contains(string(all), "fast exhausted") {
		b := make([]byte, 4096)
		n, err := unix.Read(fd, b)
		if err == unix.EINTR { // a read with a timeout is not begun anew behind a signal
			continue
		}
		require.NoError(t, err)
		require.NotZero(t, n)
		all = append(all, b[:n]...)
	}
	return string(all)
}
