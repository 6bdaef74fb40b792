package engine_test

import (
	"bufio"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// greeted is a listener whose connections begin with one byte, which becomes the port that they seem to come from.
type greeted struct {
	net.Listener
	closed atomic.Bool
}

func (l *greeted) Close() error {
	l.closed.Store(true)
	return l.Listener.Close()
}

func (l *greeted) Beneath() net.Listener { return l.Listener }

func (l *greeted) Layer(next func(transport.Conn) transport.Session) func(transport.Conn) transport.Session {
	return func(c transport.Conn) transport.Session { return &greeting{Conn: c, next: next} }
}

type greeting struct {
	transport.Conn
	transport.Session // nil before the byte
	next              func(transport.Conn) transport.Session
	port              int
}

func (g *greeting) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(1, 2, 3, 4), Port: g.port} }
func (g *greeting) Idle() bool           { return g.Session == nil || g.Session.Idle() }
func (g *greeting) Closed(err error) {
	if g.Session != nil {
		g.Session.Closed(err)
	}
}

func (g *greeting) Run(t *transport.Turn) transport.Next {
	if g.Session == nil {
		if len(t.In) == 0 {
			return transport.Close
		}
		g.port, t.In = int(t.In[0]), t.In[1:]
		g.Session = g.next(g)
	}
	return g.Session.Run(t)
}

// Two layers on one listener: the inner one of the two listeners is the outer one of the sessions.
func TestLayers(t *testing.T) {
	for _, name := range []string{"epoll", "portable"} {
		t.Run(name, func(t *testing.T) {
			if name == "epoll" && runtime.GOOS != "linux" {
				t.Skip("no epoll")
			}
			bottom, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			inner := &greeted{Listener: bottom}
			outer := &greeted{Listener: inner}
			require.Same(t, bottom, transport.Bottom(outer))
			s := &engine.Server{Transport: name, Handler: handlerFunc(func(x *engine.Exchange) {
				text := x.Conn().Remote()
				x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"+text...))
			})}
			served := make(chan error, 1)
			go func() { served <- s.Serve(outer) }()
			c, err := net.Dial("tcp", bottom.Addr().String())
			require.NoError(t, err)
			defer c.Close()
			r := bufio.NewReader(c)
			for i := range 2 {
				request := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
				if i == 0 {
					request = "\x0b\x16" + request
				}
				_, err = io.WriteString(c, request)
				require.NoError(t, err)
				answer := make([]byte, len("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1.2.3.4:22"))
				_, err = io.ReadFull(r, answer)
				require.NoError(t, err)
				require.Contains(t, string(answer), "1.2.3.4:22")
			}
			require.NoError(t, s.Close())
			require.ErrorIs(t, <-served, transport.ErrStopped)
			require.True(t, outer.closed.Load())
		})
	}
}
