//go:build linux || darwin

package guest_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/netpoll"
)

func hello(x *engine.Exchange) { reply(x, "hello") }

// Connections between requests have no goroutine, and one descriptor each.
func TestRest(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := serve(t, name, hello)
		resting := func() bool { return goroutines("portable.(*conn)") == 0 }
		first := s.dial(t)
		first.send(get)
		first.expect(answer("hello"))
		eventually(t, "what is made once", resting)
		const many = 100
		var clients []*client
		before := descriptors()
		for range many {
			c := s.dial(t)
			clients = append(clients, c)
			c.send(get)
			c.expect(answer("hello"))
		}
		eventually(t, "all to rest", resting)
		eventually(t, "two descriptors for each, one of them ours", func() bool { return descriptors() <= before+2*many })
		for _, c := range clients {
			c.send(get + get)
			c.expect(answer("hello") + answer("hello"))
		}
		eventually(t, "all to rest again", resting)
	})
}

// Of a server that has ended nothing is left: not of connections at rest, of those that were cut in the middle, or of
// those that the peer has left in any way.
func TestNothingIsLeft(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		once := func() {
			s := serve(t, name, func(x *engine.Exchange) {
				switch string(x.Head().Path.In(x.HeadBytes())) {
				case "/abort":
					x.Flush([]byte("HTTP/1.1 200 OK\r\n"))
					x.Abort()
				case "/body":
					p := make([]byte, 1000)
					for {
						if _, err := x.ReadBody(p); err != nil {
							return
						}
					}
				case "/stuck":
					for x.Flush(make([]byte, 1<<20)) == nil {
					}
				default:
					hello(x)
				}
			})
			for i := range 60 {
				c := s.dial(t)
				switch i % 6 {
				case 0:
					c.send(get)
					c.expect(answer("hello"))
				case 1:
					c.send("GET /abort HTTP/1.1\r\nHost: h\r\n\r\n")
					io.ReadAll(c.r)
				case 2:
					c.send("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50_000))
					c.SetLinger(0)
					c.Close()
				case 3:
					c.send("GET /stuck HTTP/1.1\r\nHost: h\r\n\r\n")
					c.r.ReadByte()
				case 4:
					c.send(get[:10])
				case 5:
					c.send(get)
					c.CloseWrite()
					c.expect(answer("hello"))
				}
				if i%12 < 6 {
					c.Close()
				} else {
					defer c.Close()
				}
			}
			require.NoError(t, s.Close())
			eventually(t, "the end", func() bool { return s.Counters().Open == 0 })
		}
		once() // whatever is made once
		count := func() (int, int) {
			return goroutines("engine/transport/") + goroutines("gnet/v2"), descriptors()
		}
		settled := func() (n, fds int) {
			n, fds = count()
			eventually(t, "rest", func() bool {
				time.Sleep(100 * time.Millisecond)
				wasN, wasFds := n, fds
				n, fds = count()
				return n == wasN && fds == wasFds
			})
			return n, fds
		}
		n, fds := settled()
		for range 3 {
			once()
		}
		eventually(t, "goroutines and descriptors to be as before", func() bool {
			nowN, nowFds := count()
			return nowN <= n && nowFds <= fds
		})
	})
}

func TestShutdownOfMany(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		entered, release := make(chan bool, 8), make(chan bool)
		s := serve(t, name, func(x *engine.Exchange) {
			if x.HeadBytes()[5] == 'w' {
				entered <- true
				<-release
			}
			hello(x)
		})
		var idle, busy []*client
		for i := range 200 {
			c := s.dial(t)
			if i%25 == 0 {
				c.send("GET /w HTTP/1.1\r\nHost: h\r\n\r\n")
				<-entered
				busy = append(busy, c)
				continue
			}
			c.send(get)
			c.expect(answer("hello"))
			idle = append(idle, c)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(t.Context()) }()
		for _, c := range idle {
			rest, err := io.ReadAll(c.r)
			require.NoError(t, err)
			require.Empty(t, rest)
		}
		require.Empty(t, ended)
		close(release)
		for _, c := range busy {
			c.expect(answer("hello"))
		}
		require.NoError(t, <-ended)
	})
}

// upload sends a body of much bytes until the peer takes no more for a while.
func upload(c *client, much int, while time.Duration) (taken int) {
	c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", much))
	chunk := make([]byte, 1<<20)
	for taken < much {
		c.SetWriteDeadline(time.Now().Add(while))
		n, err := c.Write(chunk[:min(len(chunk), much-taken)])
		taken += n
		if err != nil {
			break
		}
	}
	c.SetWriteDeadline(time.Now().Add(patience))
	return taken
}

// What a handler does not read stops the peer, and not the memory.
func TestBackPressure(t *testing.T) {
	release := make(chan bool)
	s := serve(t, "gnet", func(x *engine.Exchange) {
		<-release
		p, n := make([]byte, 100_000), 0
		for !x.BodyDone() {
			k, err := x.ReadBody(p)
			n += k
			if err != nil {
				break
			}
		}
		reply(x, fmt.Sprint(n))
	})
	c := s.dial(t)
	const much = 128 << 20
	for range 2 { // the connection comes back to its loop in between
		taken := upload(c, much, 300*time.Millisecond)
		require.Less(t, taken, much/2, "the kernel keeps 36 MB on both sides where its defaults are large, and nobody else more than 128 KB")
		release <- true
		for taken < much {
			n, err := c.Write(make([]byte, min(1<<20, much-taken)))
			require.NoError(t, err)
			taken += n
		}
		c.expect(answer(fmt.Sprint(much)))
		eventually(t, "the connection to rest", func() bool { return goroutines("portable.(*conn)") == 0 })
	}
}

// netpoll cannot stop a peer, so one that sends too much is cut, and its handler is told.
func TestInputMax(t *testing.T) {
	release := make(chan bool)
	result := make(chan error, 1)
	s := serve(t, "netpoll", func(x *engine.Exchange) {
		<-release
		p := make([]byte, 100_000)
		for {
			if _, err := x.ReadBody(p); err != nil {
				result <- err
				return
			}
		}
	})
	c := s.dial(t)
	const much = 1 << 30
	require.Less(t, upload(c, much, patience), much) // a poller that takes its time has not stopped
	close(release)
	require.ErrorIs(t, <-result, netpoll.ErrInputMax)
	answered, _ := io.ReadAll(c.r)
	require.Empty(t, answered)
	require.Contains(t, s.logged(), "netpoll: "+c.TCPConn.LocalAddr().String()+": netpoll: more input than InputMax")
}

// A body that is smaller, and every body that is read, is received whole.
func TestUploads(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := serve(t, name, func(x *engine.Exchange) {
			time.Sleep(50 * time.Millisecond) // so that it piles up
			n := 0
			for p := make([]byte, 10_000); !x.BodyDone(); {
				k, err := x.ReadBody(p)
				if n += k; err != nil && err != io.EOF {
					t.Error(err)
					break
				}
			}
			reply(x, fmt.Sprint(n))
		})
		c := s.dial(t)
		for _, n := range []int{1, 64 << 10, 64<<10 + 1, 200_000, 8 << 20} {
			go c.Write([]byte(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s%s", n, strings.Repeat("x", n), get)))
			c.expect(answer(fmt.Sprint(n)) + answer("0"))
		}
	})
}

func TestRefusals(t *testing.T) {
	noSession := transport.Options{}
	for name, make := range makers {
		_, err := make(noSession)
		require.ErrorContains(t, err, "NewSession", name)
		_, err = make(transport.Options{Loops: -1})
		require.ErrorContains(t, err, name+": Options.Loops is -1")
	}
	_, err := makers["netpoll"](transport.Options{Loops: 2})
	require.ErrorContains(t, err, "netpoll.Configure")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	each(t, func(t *testing.T, name string) {
		s := &engine.Server{Handler: handler(hello), Transport: name}
		require.ErrorContains(t, s.Serve(struct{ net.Listener }{l}), "want a *net.TCPListener or a *net.UnixListener")
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err, "the listener is left alone")
		c.Close()
	})
}
