package epoll

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

func TestConnSize(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(conn{}), uintptr(176), "what each connection costs, idle or not")
}

// lines is a session that answers each line with "ok": "slow" after 5 ms, "large" after 1 MiB. To "inspect" it tells what the
// other connections of its loop own; it may look, because it holds the baton.
type lines struct {
	c    transport.Conn
	told chan string
}

func (s *lines) Run(t *transport.Turn) transport.Next {
	for {
		line, _, whole := strings.Cut(string(t.In), "\n")
		if !whole {
			if t.EOF {
				return transport.Close
			}
			return transport.Read
		}
		if line == "inspect" {
			t.In = t.In[len(line)+1:]
			me := s.c.(*conn)
			me.loop.slots.each(func(c *conn) {
				switch {
				case c == me:
				case c.word.Load()&lent != 0:
					s.told <- "lent"
				default:
					s.told <- fmt.Sprintf("rest %v, out %v", c.rest != nil, c.out != nil)
				}
			})
			continue
		}
		if !s.c.Begin(t, []byte("GET"), []byte("/"+line)) {
			return transport.Own
		}
		t.In = t.In[len(line)+1:]
		switch line {
		case "slow":
			time.Sleep(5 * time.Millisecond)
			fallthrough
		case "ok":
			t.Out = append(t.Out, "ok\n"...)
		case "large":
			t.Out = append(t.Out, strings.Repeat("x", 1<<20)...)
			t.Out = append(t.Out, "ok\n"...)
		}
		if s.c.End(t) {
			return transport.Read
		}
	}
}

func (s *lines) Expire(*transport.Turn) transport.Next { return transport.Close }
func (s *lines) Idle() bool                            { return true }
func (s *lines) HangUp(bool)                           {}
func (s *lines) Closed(error)                          {}

const idlePatience = 20 * time.Second

// TestIdleOwnsNothing: whatever a connection did, once it is idle it owns no buffer and no goroutine.
func TestIdleOwnsNothing(t *testing.T) {
	told := make(chan string, 10)
	tr, err := New(transport.Options{Loops: 1, NewSession: func(c transport.Conn) transport.Session {
		return &lines{c, told}
	}})
	if err != nil {
		t.Skip(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go tr.Serve(l)
	defer func() {
		tr.Close()
		<-tr.Done()
	}()

	var conns [2]net.Conn
	for i := range conns {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		c.SetDeadline(time.Now().Add(idlePatience))
		conns[i] = c
	}
	c, inspector := conns[0], conns[1]
	inspect := func(until string) {
		// The answer is on its way before its goroutine has gone home.
		for start := time.Now(); ; time.Sleep(time.Millisecond) {
			_, err := io.WriteString(inspector, "inspect\n")
			require.NoError(t, err)
			got := <-told
			if strings.Contains(got, until) {
				return
			}
			require.Less(t, time.Since(start), idlePatience, "%s, want %s", got, until)
		}
	}
	ask := func(send string, answers int) {
		_, err := io.WriteString(c, send)
		require.NoError(t, err)
		b := make([]byte, 0, 2<<20)
		for strings.Count(string(b[max(0, len(b)-8<<10):]), "ok\n") < answers {
			n, err := c.Read(b[len(b):cap(b)])
			require.NoError(t, err)
			b = b[:len(b)+n]
		}
	}
	for _, step := range []struct {
		send    string
		answers int
	}{
		{"ok\n", 1},
		{"ok\nok\nok\n", 3},
		{"slow\n", 1}, // loses the baton
		{"slow\n", 1}, // starts on its own goroutine
		{"ok\nslow\nok\n", 3},
		{"large\n", 1}, // more than the socket takes at once
		{strings.Repeat("ok\n", 2000), 2000},
	} {
		ask(step.send, step.answers)
		inspect("rest false, out false")
	}

	// What is not idle does own something, else there would be nothing to see above.
	_, err = io.WriteString(c, "half a li")
	require.NoError(t, err)
	inspect("rest true")
	ask("ne\nok\n", 1)
	_, err = io.WriteString(c, strings.Repeat("large\n", 16))
	require.NoError(t, err)
	inspect("out true")
}
