//go:build linux || darwin

package gnet_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/panjf2000/gnet/v2/pkg/pool/byteslice"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/gnet"
)

// zoned is a listener whose connections come from a link-local address, which machines that run tests need not have.
type zoned struct {
	net.Listener
	zone string
}

func (z zoned) Accept() (net.Conn, error) {
	c, err := z.Listener.Accept()
	if err == nil {
		c.RemoteAddr().(*net.TCPAddr).Zone = z.zone
	}
	return c, err
}

type zoneHandler struct{ seen chan string }

func (h zoneHandler) ServeExchange(x *engine.Exchange) {
	h.seen <- x.Conn().RemoteAddr().(*net.TCPAddr).Zone
	x.SetOut(append(x.Out(), "HTTP/1.1 204 No Content\r\n\r\n"...))
}

// The zone of a peer's address belongs to package net, which has one string for all. gnet puts what it takes for its own
// into a pool of buffers when the connection ends.
func TestZoneIsNotGivenAway(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6")
	}
	zone := strings.Repeat("z", 1<<10) // a size that nobody else has in the pool
	var runner transport.Runner
	var made sync.WaitGroup
	made.Add(1)
	h := zoneHandler{make(chan string, 1)}
	s := &engine.Server{Handler: h}
	ended := make(chan error, 1)
	go func() {
		ended <- s.ServeOn(zoned{l, zone}, func(o transport.Options) (transport.Runner, error) {
			defer made.Done()
			r, err := gnet.New(o)
			runner = r
			return r, err
		})
	}()
	made.Wait()
	for range 20 {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		c.SetDeadline(time.Now().Add(20 * time.Second))
		for range 2 { // the second comes over the loop
			_, err = c.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
			require.NoError(t, err)
			_, err = c.Read(make([]byte, 100))
			require.NoError(t, err)
			require.Equal(t, zone, <-h.seen)
		}
		c.Close()
	}
	require.NoError(t, s.Close())
	require.Equal(t, transport.ErrStopped, <-ended)
	<-runner.Done()
	for range 20 {
		copy(byteslice.Get(len(zone)), "written by somebody else")
	}
	require.Equal(t, strings.Repeat("z", 1<<10), zone)
}
