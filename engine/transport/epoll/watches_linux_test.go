package epoll

import (
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// scarce is a kernel that may be out of watches.
type scarce struct {
	netio.Kernel
	out atomic.Bool
}

func (k *scarce) NewPoller() (netio.Poller, error) {
	p, err := k.Kernel.NewPoller()
	return scarcePoller{p, k}, err
}

type scarcePoller struct {
	netio.Poller
	k *scarce
}

func (p scarcePoller) Add(fd int, data uint64) error {
	if p.k.out.Load() {
		return netio.ErrExhausted
	}
	return p.Poller.Add(fd, data)
}

type scarceListener struct {
	*netio.SimListener
	k *scarce
}

func (l scarceListener) Kernel() netio.Kernel { return l.k }

// TestOutOfWatches: a connection that cannot be watched ends, those behind it wait until there are watches again, and
// somebody is told.
func TestOutOfWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := netio.NewSim(1, netio.Faults{})
		k := &scarce{Kernel: sim}
		l := scarceListener{sim.Listener(), k}
		var logged []string
		r, err := New(transport.Options{Loops: 1,
			NewSession: func(c transport.Conn) transport.Session { return &lines{c: c} },
			Logf:       func(format string, args ...any) { logged = append(logged, fmt.Sprintf(format, args...)) },
		})
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- r.Serve(l) }()
		settle := func() {
			for synctest.Wait(); sim.Step(); synctest.Wait() {
			}
		}
		settle()
		ask := func() *netio.SimClient {
			c, err := l.Dial()
			require.NoError(t, err)
			settle()
			c.Write([]byte("ok\n"))
			settle()
			return c
		}
		k.out.Store(true)
		first := ask()
		_, err = first.Read(make([]byte, 1))
		require.NotEqual(t, netio.ErrAgain, err, "it has ended")
		waiting := ask()
		require.False(t, waiting.State().Accepted)
		require.Equal(t, []string{"epoll: watch connection: netio: out of descriptors or memory; retrying in 1s"}, logged)
		k.out.Store(false)
		time.Sleep(acceptPauseMax + time.Second)
		settle()
		b := make([]byte, 3)
		_, err = io.ReadFull(waiting, b)
		require.NoError(t, err)
		require.Equal(t, "ok\n", string(b))
		r.Close()
		settle()
		require.Equal(t, transport.ErrStopped, <-served)
		<-r.Done()
		require.Zero(t, r.Conns())
		require.Empty(t, sim.Violations())
	})
}
