package conformance

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

func (s suite) hijack(t *testing.T) {
	// upper serves lines in another protocol after 101.
	upper := func(ask bool) handler {
		return func(x *engine.Exchange) {
			ctx := watched(x)
			if ask {
				ctx.Done()
			}
			x.SetReadDeadline(time.Now().Add(short))
			x.SetWriteDeadline(time.Now().Add(short))
			if path(x) == "/plain" {
				reply(x, "plain")
				return
			}
			x.SetOut(append(x.Out(), "HTTP/1.1 101 Switching Protocols\r\n\r\n"...))
			nc, pending, err := x.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, isTCP := nc.(*net.TCPConn)
			_, isUnix := nc.(*net.UnixConn)
			_, isTLS := nc.(*tls.Conn)
			require.Equal(t, s.identity != nil, isTLS, "%T", nc)
			require.True(t, isTLS || isTCP || isUnix || slices.Contains(s.lacks, NoSocket), "%T", nc)
			go func() {
				defer nc.Close()
				r := bufio.NewReader(io.MultiReader(bytes.NewReader(pending), nc))
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					fmt.Fprintf(nc, "<%s>", line)
				}
			}()
		}
	}
	for _, ask := range []bool{false, true} {
		t.Run(fmt.Sprint("watched ", ask), func(t *testing.T) {
			t.Parallel()
			sv := s.serve(t, upper(ask))
			c := sv.dial(t)
			c.send(getPath("/plain"))
			c.expect(answer("plain"))
			c.send(get)
			c.expect("HTTP/1.1 101 Switching Protocols\r\n\r\n")
			time.Sleep(2 * short) // the exchange's deadlines are not the connection's
			for i := range 10 {
				c.send(fmt.Sprintln(i))
				c.expect(fmt.Sprintf("<%d\n>", i))
			}
			require.EqualValues(t, 1, sv.Counters().Hijacked)
			eventually(t, "the connection to leave the server", func() bool { return sv.runner.Conns() == 0 })
			require.NoError(t, sv.Shutdown(t.Context()))
			c.send("still\n")
			c.expect("<still\n>")
		})
	}
	t.Run("over-read input", func(t *testing.T) {
		c := s.serve(t, upper(false)).dial(t)
		c.send(getPath("/plain") + get + "a\nb\n")
		c.expect(answer("plain") + "HTTP/1.1 101 Switching Protocols\r\n\r\n<a\n><b\n>")
		c.send("c\n")
		c.expect("<c\n>")
	})
	t.Run("input that comes while it is watched", func(t *testing.T) {
		wait := make(chan bool)
		c := s.serve(t, func(x *engine.Exchange) {
			watched(x).Done()
			x.Flush([]byte("!"))
			<-wait
			upper(true)(x)
		}).dial(t)
		c.send(get)
		c.expect("!")
		c.send("early\n")
		wait <- true
		c.expect("HTTP/1.1 101 Switching Protocols\r\n\r\n<early\n>")
	})
	t.Run("the peer sees the end when the handler closes", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) {
			nc, _, err := x.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(nc, "bye")
			nc.Close()
		}).dial(t)
		c.send(get)
		require.Equal(t, "bye", c.rest())
	})
	t.Run("from a handler that goes on", func(t *testing.T) {
		wait := make(chan bool)
		sv := s.serve(t, func(x *engine.Exchange) {
			nc, _, _ := x.Hijack()
			io.WriteString(nc, "mine")
			<-wait
			nc.Close()
		})
		c := sv.dial(t)
		c.send(get)
		c.expect("mine")
		require.NoError(t, sv.Shutdown(t.Context()), "hijacked connections are not waited for")
		close(wait)
		require.Empty(t, c.rest())
	})
}
