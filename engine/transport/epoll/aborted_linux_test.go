package epoll

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// cutting is a kernel in which the connection is cut while a call on its socket is made.
type cutting struct {
	netio.Kernel
	c transport.Conn
}

func (k *cutting) fails() (int, error) {
	k.c.Abort()
	return 0, netio.ErrReset
}

func (k *cutting) Read(fd int, p []byte) (int, error) {
	if k.c == nil {
		return k.Kernel.Read(fd, p)
	}
	return k.fails()
}

func (k *cutting) Write(int, []byte) (int, error)    { return k.fails() }
func (k *cutting) Writev(int, [][]byte) (int, error) { return k.fails() }

type cuttingListener struct {
	*netio.SimListener
	k *cutting
}

func (l cuttingListener) Kernel() netio.Kernel { return l.k }

// caller is a session that makes one call when something has come.
type caller struct {
	lines
	call func(c transport.Conn, t *transport.Turn)
}

func (s *caller) Run(t *transport.Turn) transport.Next {
	if len(t.In) == 0 {
		return transport.Read
	}
	s.call(s.c, t)
	return transport.Abort
}

// TestAbortedMeanwhile: whoever waits, reads or writes while the connection is cut hears that, and not what the cut has
// done to the socket.
func TestAbortedMeanwhile(t *testing.T) {
	for name, call := range map[string]func(transport.Conn, *transport.Turn) error{
		"Flush": func(c transport.Conn, t *transport.Turn) error {
			t.Out = append(t.Out, 'x')
			return c.Flush(t)
		},
		"Read": func(c transport.Conn, t *transport.Turn) error {
			_, err := c.Read(t, make([]byte, 1))
			return err
		},
		"Fill": func(c transport.Conn, t *transport.Turn) error { return c.Fill(t) },
		"TryWrite": func(c transport.Conn, t *transport.Turn) error {
			_, err := c.TryWrite([][]byte{{'x'}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := netio.NewSim(1, netio.Faults{})
				k := &cutting{Kernel: sim}
				l := cuttingListener{sim.Listener(), k}
				errs := make(chan error, 1)
				r, err := New(transport.Options{Loops: 1, NewSession: func(c transport.Conn) transport.Session {
					return &caller{lines{c: c}, func(c transport.Conn, t *transport.Turn) {
						k.c = c
						errs <- call(c, t)
					}}
				}})
				require.NoError(t, err)
				served := make(chan error, 1)
				go func() { served <- r.Serve(l) }()
				settle := func() {
					for synctest.Wait(); sim.Step(); synctest.Wait() {
					}
				}
				settle()
				c, err := l.Dial()
				require.NoError(t, err)
				c.Write([]byte("x"))
				settle()
				require.Equal(t, net.ErrClosed, <-errs)
				r.Close()
				settle()
				<-served
				<-r.Done()
				require.Zero(t, r.Conns())
			})
		})
	}
}
