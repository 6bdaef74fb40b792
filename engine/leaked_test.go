package engine_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// TestLeakedCalls: whoever waits in a call, on a goroutine that the handler has left behind, is out of it before the connection goes on.
func TestLeakedCalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Truncate(file, 64<<20))
	for name, call := range map[string]func(x *engine.Exchange) error{
		"ReadBody": func(x *engine.Exchange) error {
			_, err := x.ReadBody(make([]byte, 1))
			return err
		},
		"ReadBody of much": func(x *engine.Exchange) error {
			_, err := x.ReadBody(make([]byte, 64<<10))
			return err
		},
		"Flush": func(x *engine.Exchange) error { return x.Flush(make([]byte, 64<<20)) },
		"SendFile": func(x *engine.Exchange) error {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = x.SendFile(f, -1)
			return err
		},
	} {
		for _, transport := range []string{"", "portable"} {
			t.Run(name+" on "+transport, func(t *testing.T) {
				ended := make(chan error, 1)
				addr := serveLeaky(t, transport, func(x *engine.Exchange) {
					go func() { ended <- call(x) }()
					require.Eventually(t, func() bool { return engine.InCall(x) }, patience, time.Millisecond)
				})
				c := askLeaky(t, addr, bodiless)
				select {
				case err := <-ended:
					require.Error(t, err)
				case <-time.After(patience):
					t.Fatal("the call has outlived its handler")
				}
				_, err := io.Copy(io.Discard, c)
				require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the connection has been cut")
			})
		}
	}
}

// TestLeakedReadHijack: a ReadBody that waits on another goroutine ends before the connection is somebody else's.
func TestLeakedReadHijack(t *testing.T) {
	for _, transport := range []string{"", "portable"} {
		t.Run(transport, func(t *testing.T) {
			ended := make(chan error, 1)
			addr := serveLeaky(t, transport, func(x *engine.Exchange) {
				go func() {
					_, err := x.ReadBody(make([]byte, 1))
					ended <- err
				}()
				require.Eventually(t, func() bool { return engine.InCall(x) }, patience, time.Millisecond)
				nc, _, err := x.Hijack()
				require.NoError(t, err)
				defer nc.Close()
				require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
				io.WriteString(nc, "mine\n")
				io.Copy(nc, io.LimitReader(nc, 5))
			})
			c := askLeaky(t, addr, bodiless)
			in := bufio.NewReader(c)
			line, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "mine\n", line)
			io.WriteString(c, "yours")
			rest, err := io.ReadAll(in)
			require.NoError(t, err)
			require.Equal(t, "yours", string(rest))
		})
	}
}

const patience = 20 * time.Second

type leaky func(*engine.Exchange)

func (f leaky) ServeExchange(x *engine.Exchange) { f(x) }

func serveLeaky(t *testing.T, transport string, h leaky, with ...func(*engine.Server)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &engine.Server{Handler: h, Transport: transport, Loops: 1}
	for _, f := range with {
		f(s)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return l.Addr().String()
}

const bodiless = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" // its body does not come

func askLeaky(t *testing.T, addr, request string) net.Conn {
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(c, request)
	require.NoError(t, err)
	return c
}
