package netio

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRealEcho runs the servers of TestSimEcho on the real kernel.
func TestRealEcho(t *testing.T) {
	forNetworks(t, func(t *testing.T, network string) {
		for _, server := range []echo{{}, {thrifty: true}} {
			l, lfd := listen(t, network)
			p := systemPoller(t)
			server.k, server.p, server.lfd = systemKernel(t), p, lfd
			served := make(chan error)
			go func() { served <- server.serve() }()
			var clients sync.WaitGroup
			for i := range 8 {
				clients.Go(func() {
					sent := bytes.Repeat([]byte{byte(i), 1, 2, 3, 4, 5, 6}, 1+i*10_000)
					c, err := net.Dial(network, l.Addr().String())
					if err != nil {
						t.Error(err)
						return
					}
					defer c.Close()
					go func() {
						c.Write(sent)
						c.(interface{ CloseWrite() error }).CloseWrite()
					}()
					got, err := io.ReadAll(c)
					if err != nil || !bytes.Equal(sent, got) {
						t.Errorf("client %d: sent %d bytes, got %d, %v", i, len(sent), len(got), err)
					}
				})
			}
			clients.Wait()
			require.NoError(t, p.Close())
			require.NoError(t, <-served)
		}
	})
}
