package conformance

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// short is a deadline: long enough for whoever has to be in time on a busy machine, short enough to wait for.
const short = 500 * time.Millisecond

func (s suite) deadlines(t *testing.T) {
	t.Run("no byte of a head", func(t *testing.T) {
		t.Parallel()
		sv := s.start(t, &engine.Server{Handler: handler(echo), ReadHeaderTimeout: short})
		require.Empty(t, sv.dial(t).rest())
	})
	t.Run("a head that does not end", func(t *testing.T) {
		t.Parallel()
		sv := s.start(t, &engine.Server{Handler: handler(echo), ReadHeaderTimeout: short})
		c := sv.dial(t)
		c.send(get)
		c.expect(answer("/ "))
		c.send(get[:10])
		require.Empty(t, c.cut())
	})
	t.Run("a head that comes slowly", func(t *testing.T) {
		t.Parallel()
		// The deadline is absolute: progress does not move it.
		sv := s.start(t, &engine.Server{Handler: handler(echo), ReadHeaderTimeout: short})
		c := sv.dial(t)
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			io.WriteString(c.Conn, "GET / HTTP/1.1\r\nHost: h\r\nA: ")
			for {
				select {
				case <-stop:
					return
				case <-time.After(short / 10):
					if _, err := c.Write([]byte("a")); err != nil {
						return
					}
				}
			}
		}()
		require.Empty(t, c.cut())
	})
	t.Run("as good as none", func(t *testing.T) {
		t.Parallel()
		const never = time.Duration(1<<63 - 1)
		sv := s.start(t, &engine.Server{ReadHeaderTimeout: never, ReadTimeout: never, WriteTimeout: never, IdleTimeout: never,
			Handler: handler(func(x *engine.Exchange) {
				x.SetReadDeadline(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
				x.SetWriteDeadline(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
				echo(x)
			})})
		c := sv.dial(t)
		for range 3 {
			in := post("hello")
			c.send(in[:len(in)-3])
			time.Sleep(20 * time.Millisecond) // for a tick of the wheel
			c.send(in[len(in)-3:])
			c.expect(answer("/ hello"))
			time.Sleep(20 * time.Millisecond)
		}
	})
	t.Run("long ago", func(t *testing.T) {
		t.Parallel()
		for _, at := range []time.Time{time.Unix(0, 0), time.Unix(1, 0), time.Date(1066, 1, 1, 0, 0, 0, 0, time.UTC)} {
			errs := make(chan error, 1)
			sv := s.start(t, &engine.Server{Handler: handler(func(x *engine.Exchange) {
				x.SetReadDeadline(at)
				_, err := x.ReadBody(make([]byte, 10))
				for err == nil {
					_, err = x.ReadBody(make([]byte, 10))
				}
				errs <- err
			})})
			c := sv.dial(t)
			in := post("hello")
			c.send(in[:len(in)-3])
			require.ErrorIs(t, <-errs, os.ErrDeadlineExceeded, at)
		}
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		sv := s.start(t, &engine.Server{Handler: handler(echo), IdleTimeout: short})
		c := sv.dial(t)
		c.send(get + get)
		require.Equal(t, answer("/ ")+answer("/ "), c.rest())
	})
	t.Run("idle is not while a handler runs", func(t *testing.T) {
		t.Parallel()
		sv := s.start(t, &engine.Server{IdleTimeout: short, ReadHeaderTimeout: short, Handler: handler(func(x *engine.Exchange) {
			time.Sleep(2 * short)
			echo(x)
		})})
		c := sv.dial(t)
		for range 2 {
			c.send(get)
			c.expect(answer("/ "))
		}
	})
	t.Run("a body that does not come", func(t *testing.T) {
		t.Parallel()
		sv := s.start(t, &engine.Server{ReadTimeout: short, Handler: handler(func(x *engine.Exchange) {
			_, err := io.ReadAll(bodyReader{x})
			if err != nil {
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			}
			reply(x, "late")
		})})
		c := sv.dial(t)
		in := post("hello")
		c.send(in[:len(in)-1])
		c.expect(answer("late"))
		require.Empty(t, c.cut())
	})
	t.Run("a deadline wakes who reads, and can be moved", func(t *testing.T) {
		t.Parallel()
		c := s.serve(t, func(x *engine.Exchange) {
			p := make([]byte, 10)
			first := make(chan error, 1)
			go func() {
				_, err := x.ReadBody(p)
				first <- err
			}()
			time.Sleep(short / 10) // so that it waits; if it does not yet, it must work as well
			x.SetReadDeadline(time.Unix(1, 0))
			if err := <-first; err == nil {
				t.Error("there was nothing to read")
			}
			x.SetReadDeadline(time.Now().Add(patience))
			if err := x.Flush([]byte("now")); err != nil {
				t.Error(err)
			}
			n, err := x.ReadBody(p)
			if err != io.EOF || string(p[:n]) != "hello" {
				t.Error(err, string(p[:n]))
			}
			x.SetReadDeadline(time.Time{})
			reply(x, "")
		}).dial(t)
		for range 2 {
			in := post("hello")
			c.send(in[:len(in)-5])
			c.expect("now")
			c.send("hello")
			c.expect(answer(""))
		}
	})
	t.Run("a deadline in a handler ends with it", func(t *testing.T) {
		t.Parallel()
		c := s.serve(t, func(x *engine.Exchange) {
			echo(x)
			x.SetReadDeadline(time.Now().Add(short))
			x.SetWriteDeadline(time.Now().Add(short))
		}).dial(t)
		for range 2 {
			c.send(post("x"))
			c.expect(answer("/ x"))
			time.Sleep(2 * short)
		}
	})
	t.Run("a deadline wakes who writes", func(t *testing.T) {
		t.Parallel()
		result := make(chan error, 1)
		c := s.serve(t, func(x *engine.Exchange) {
			written := make(chan error)
			go func() {
				for {
					if err := x.Flush(make([]byte, 1<<20)); err != nil {
						written <- err
						return
					}
				}
			}()
			time.Sleep(short / 10)
			x.SetWriteDeadline(time.Unix(1, 0))
			result <- <-written
		}).dial(t)
		c.send(get)
		require.ErrorIs(t, await(t, result, "the handler"), os.ErrDeadlineExceeded)
	})
	t.Run("WriteTimeout bounds what a handler leaves behind", func(t *testing.T) {
		t.Parallel()
		big := strings.Repeat("x", 64<<20)
		sv := s.start(t, &engine.Server{WriteTimeout: short, Handler: handler(func(x *engine.Exchange) { reply(x, big) })})
		c := sv.dial(t)
		c.send(get)
		eventually(t, "the connection to be closed", func() bool { return sv.Counters().Open == 0 && sv.Counters().Accepted == 1 })
	})
	t.Run("WriteTimeout is for each response", func(t *testing.T) {
		t.Parallel()
		sv := s.start(t, &engine.Server{WriteTimeout: short, Handler: handler(echo)})
		c := sv.dial(t)
		for range 3 {
			c.send(get)
			c.expect(answer("/ "))
			time.Sleep(2 * short)
		}
	})
}
