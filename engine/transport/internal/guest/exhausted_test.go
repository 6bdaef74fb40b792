//go:build linux

package guest_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/peregrine-http/peregrine/engine"
)

// filler takes all descriptors that the process may have.
type filler struct {
	t   *testing.T
	old unix.Rlimit
	fds []int
}

func newFiller(t *testing.T) *filler {
	f := &filler{t: t}
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &f.old))
	limit := f.old
	limit.Cur = min(limit.Cur, 400)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	t.Cleanup(f.relieve)
	return f
}

// fill takes what there is, also what has been given back since the last call.
func (f *filler) fill() {
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == unix.EMFILE {
			return
		}
		require.NoError(f.t, err)
		f.fds = append(f.fds, fd)
	}
}

func (f *filler) relieve() {
	for _, fd := range f.fds {
		unix.Close(fd)
	}
	f.fds = nil
	require.NoError(f.t, unix.Setrlimit(unix.RLIMIT_NOFILE, &f.old))
}

// Whatever a connection needs a second descriptor for while there is none: it ends, whole or not at all, and the others
// know nothing of it.
func TestOutOfDescriptors(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		big := strings.Repeat("x", 8<<20) // more than a socket takes
		s := serve(t, name, func(x *engine.Exchange) {
			switch string(x.Head().Path.In(x.HeadBytes())) {
			case "/big":
				reply(x, big)
			case "/hijack":
				nc, _, err := x.Hijack()
				if err != nil {
					x.SetClose(false)
					reply(x, "not mine")
					return
				}
				io.WriteString(nc, "mine")
				nc.Close()
			case "/body":
				for p := make([]byte, 1000); ; {
					if _, err := x.ReadBody(p); err != nil {
						break
					}
				}
				reply(x, "read")
			default:
				hello(x)
			}
		})
		resting := func() bool { return goroutines("portable.(*conn)") == 0 }
		first := s.dial(t)
		first.send(get)
		first.expect(answer("hello"))
		first.Close()
		eventually(t, "what is made once", func() bool { return s.Counters().Open == 0 })
		before := descriptors()
		var clients []*client
		for range 15 {
			c := s.dial(t)
			c.send(get)
			c.expect(answer("hello"))
			clients = append(clients, c)
		}
		eventually(t, "all to rest", resting)
		f := newFiller(t)
		for i, c := range clients {
			f.fill()
			switch i % 5 {
			case 0:
				c.send(get)
				c.expect(answer("hello"))
			case 1:
				c.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
				all, err := io.ReadAll(io.LimitReader(c.r, int64(len(answer(big)))))
				require.True(t, string(all) == answer(big) || len(all) < len(answer(big)), err)
				c.SetLinger(0)
				c.Close()
			case 2:
				c.send("GET /hijack HTTP/1.1\r\nHost: h\r\n\r\n")
				text, _ := io.ReadAll(c.r)
				require.Contains(t, []string{"mine", answer("not mine")}, string(text))
			case 3: // half closed
				c.send(get)
				c.CloseWrite()
				text, _ := io.ReadAll(c.r)
				require.Contains(t, []string{"", answer("hello")}, string(text))
			case 4: // faster than it is read
				go c.Write([]byte("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1_000_000)))
				text, _ := io.ReadAll(io.LimitReader(c.r, int64(len(answer("read")))))
				require.Contains(t, []string{"", answer("read")}, string(text))
				c.Close()
			}
		}
		f.relieve()
		for i, c := range clients {
			if i%5 == 0 {
				c.send(get)
				c.expect(answer("hello"))
			}
			c.Close()
		}
		c := s.dial(t)
		c.send(get)
		c.expect(answer("hello"))
		c.Close()
		eventually(t, "the end of all", func() bool { return s.Counters().Open == 0 })
		eventually(t, "the descriptors to be as before", func() bool { return descriptors() <= before })
	})
}
