package conformance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

func (s suite) streaming(t *testing.T) {
	big := pattern(3 << 20)
	t.Run("a large body in", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) {
			head := string(x.HeadBytes())
			b, err := io.ReadAll(bodyReader{x})
			switch {
			case err != nil:
				reply(x, err.Error())
			case string(b) != big:
				reply(x, "another body")
			case string(x.HeadBytes()) != head:
				reply(x, "the head has changed")
			default:
				reply(x, "good")
			}
		}).dial(t)
		for _, in := range []string{post(big), chunked(big, 7), chunked(big, 100_000), chunked(big, 1<<30)} {
			go c.Write([]byte(in + get))
			c.expect(answer("good"))
			c.expect(answer("another body"))
		}
	})
	t.Run("a body in pieces", func(t *testing.T) {
		got := make(chan string)
		c := s.serve(t, func(x *engine.Exchange) {
			p := make([]byte, 100)
			for !x.BodyDone() {
				n, err := x.ReadBody(p)
				if err != nil && err != io.EOF {
					t.Error(err)
				}
				got <- string(p[:n])
			}
			reply(x, "")
		}).dial(t)
		c.send(post("one two ")[:len(post("one two "))-8])
		for _, piece := range []string{"one ", "two "} {
			c.send(piece)
			require.Equal(t, piece, await(t, got, piece))
		}
		c.expect(answer(""))
	})
	t.Run("a large answer", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) { reply(x, big) }).dial(t)
		for range 3 {
			c.send(get)
			c.expect(answer(big))
		}
	})
	t.Run("an answer in pieces", func(t *testing.T) {
		next := make(chan bool)
		c := s.serve(t, func(x *engine.Exchange) {
			x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"...))
			for i := range 3 {
				x.SetOut(append(x.Out(), fmt.Sprint(i)...))
				if err := x.Flush([]byte("a"), []byte("b")); err != nil {
					t.Error(err)
				}
				<-next
			}
		}).dial(t)
		for range 2 {
			c.send(get)
			c.expect("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
			for i := range 3 {
				c.expect(fmt.Sprintf("%dab", i))
				next <- true
			}
		}
	})
	t.Run("earlier answers leave with a flush", func(t *testing.T) {
		wait := make(chan bool)
		c := s.serve(t, func(x *engine.Exchange) {
			if path(x) == "/wait" {
				x.Flush()
				<-wait
			}
			reply(x, path(x))
		}).dial(t)
		c.send(getPath("/1") + getPath("/2") + getPath("/wait") + getPath("/3"))
		c.expect(answer("/1") + answer("/2"))
		close(wait)
		c.expect(answer("/wait") + answer("/3"))
	})
	t.Run("large pieces", func(t *testing.T) {
		pieces := [][]byte{[]byte(big[:1<<20]), []byte(big[1<<20 : 1<<20+1]), nil, []byte(big[1<<20+1:])}
		for len(pieces) < 40 { // more than one writev takes
			pieces = append(pieces, []byte("x"))
		}
		body := big + strings.Repeat("x", 36)
		c := s.serve(t, func(x *engine.Exchange) {
			x.SetOut(append(x.Out(), fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))...))
			if err := x.Flush(pieces...); err != nil {
				t.Error(err)
			}
		}).dial(t)
		c.send(get + get)
		c.expect(answer(body) + answer(body))
	})
	t.Run("both ways at once", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) {
			x.SetOut(append(x.Out(), fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(big))...))
			pr, pw := io.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, err := io.Copy(pw, bodyReader{x})
				pw.CloseWithError(err)
			}()
			p := make([]byte, 10_000)
			for {
				n, err := pr.Read(p)
				if n > 0 {
					if err := x.Flush(p[:n]); err != nil {
						t.Error(err)
					}
				}
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Error(err)
					break
				}
			}
			<-done
		}).dial(t)
		go c.Write([]byte(post(big) + post(big)))
		c.expect(answer(big) + answer(big))
	})
	t.Run("100 (Continue)", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) {
			x.SendContinue()
			echo(x)
		}).dial(t)
		for range 3 {
			c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
			c.expect("HTTP/1.1 100 Continue\r\n\r\n")
			c.send("hello")
			c.expect(answer("/ hello"))
		}
	})
	t.Run("an unread body does not hold back the answer", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) { reply(x, path(x)) }).dial(t)
		in := post("hello")
		c.send(in[:len(in)-2])
		c.expect(answer("/"))
		c.send(in[len(in)-2:] + getPath("/next"))
		c.expect(answer("/next"))
	})
	t.Run("an unread body that is too large", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) { reply(x, path(x)) }).dial(t)
		go c.Write([]byte(post(big)))
		c.expect(answer("/"))
		require.Empty(t, c.cut())
	})
	t.Run("a handler that does not read stops the peer", func(t *testing.T) {
		size := int64(128 << 20) // more than twice what a kernel may keep on both sides: 36 MB where its defaults are large
		if slices.Contains(s.lacks, NoPause) {
			size = 1 << 30 // it may take a while to be found out
		}
		release := make(chan bool)
		c := s.serve(t, func(x *engine.Exchange) {
			<-release
			n, err := io.Copy(io.Discard, bodyReader{x})
			reply(x, fmt.Sprint(n, err))
		}).dial(t)
		c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", size))
		var sent atomic.Int64
		done := make(chan error, 1)
		go func() {
			for p := make([]byte, 16<<10); sent.Load() < size; {
				n, err := c.Write(p)
				if sent.Add(int64(n)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		if slices.Contains(s.lacks, NoPause) {
			require.Error(t, await(t, done, "the cut"))
			close(release)
			return
		}
		eventually(t, "the peer to be stopped", func() bool {
			before := sent.Load()
			time.Sleep(short)
			return before > 0 && sent.Load() == before
		})
		require.Less(t, sent.Load(), size/2)
		close(release)
		require.NoError(t, await(t, done, "all to be sent"))
		c.expect(answer(fmt.Sprint(size, nil)))
	})
	t.Run("a peer that does not read stops the handler", func(t *testing.T) {
		result := make(chan error, 1)
		c := s.serve(t, func(x *engine.Exchange) {
			x.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			p := make([]byte, 1<<20)
			for range 1 << 10 {
				if err := x.Flush(p); err != nil {
					result <- err
					return
				}
			}
			result <- nil
		}).dial(t)
		c.send(get)
		require.ErrorIs(t, await(t, result, "the handler"), os.ErrDeadlineExceeded)
	})
	t.Run("a peer that does not read stops the pipeline", func(t *testing.T) {
		sv := s.serve(t, func(x *engine.Exchange) { reply(x, big) })
		c := sv.dial(t)
		c.send(strings.Repeat(get, 200))
		// 600 MB of answers: whoever does not stop needs the memory, or many more requests than fit the socket.
		for range 5 {
			c.expect(answer(big))
		}
		require.Less(t, sv.Counters().Requests, uint64(100))
	})
	t.Run("a peer that reads late gets everything", func(t *testing.T) {
		c := s.serve(t, func(x *engine.Exchange) {
			x.SetOut(append(x.Out(), fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 4*len(big))...))
			for range 4 {
				for p := big; len(p) > 0; p = p[min(5000, len(p)):] {
					x.SetOut(append(x.Out(), p[:min(5000, len(p))]...))
					if x.OutFull() {
						x.Flush()
					}
				}
			}
		}).dial(t)
		c.send(get + get)
		for range 2 {
			c.expect(answer(strings.Repeat(big, 4)))
		}
	})
	t.Run("files", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "f")
		require.NoError(t, os.WriteFile(name, []byte(big), 0o600))
		c := s.serve(t, func(x *engine.Exchange) {
			f, err := os.Open(name)
			if err != nil {
				t.Error(err)
			}
			defer f.Close()
			send := func(off, n, want int64) {
				f.Seek(off, io.SeekStart)
				x.SetOut(append(x.Out(), fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", want)...))
				sent, err := x.SendFile(f, n)
				if err != nil || sent != want {
					t.Error(sent, want, err)
				}
			}
			switch path(x) {
			case "/all":
				send(0, -1, int64(len(big)))
			case "/part":
				send(1000, 70_000, 70_000)
			case "/beyond":
				send(int64(len(big))-10, 1<<40, 10)
			case "/none":
				send(5, 0, 0)
			}
		}).dial(t)
		c.send(getPath("/all") + getPath("/part") + getPath("/beyond") + getPath("/none") + getPath("/part"))
		c.expect(answer(big) + answer(big[1000:71_000]) + answer(big[len(big)-10:]) + answer("") + answer(big[1000:71_000]))
	})
	t.Run("a file to a peer that has gone", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "f")
		require.NoError(t, os.WriteFile(name, []byte(strings.Repeat(big, 10)), 0o600))
		result := make(chan error, 1)
		c := s.serve(t, func(x *engine.Exchange) {
			f, _ := os.Open(name)
			defer f.Close()
			_, err := x.SendFile(f, -1)
			result <- err
		}).dial(t)
		c.send(get)
		c.r.ReadByte()
		c.reset()
		require.Error(t, await(t, result, "SendFile to fail"))
	})
	t.Run("cut while it writes and reads", func(t *testing.T) {
		writes, reads := make(chan error, 1), make(chan error, 1)
		c := s.serve(t, func(x *engine.Exchange) {
			go func() {
				_, err := x.ReadBody(make([]byte, 10))
				reads <- err
			}()
			go func() {
				for {
					if err := x.Flush(make([]byte, 1<<20)); err != nil {
						writes <- err
						return
					}
				}
			}()
			time.Sleep(20 * time.Millisecond) // so that both wait; if they do not yet, it must work as well
			x.Abort()
			for what, result := range map[string]chan error{"Flush": writes, "ReadBody": reads} {
				if err := <-result; !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s after Abort: %v", what, err)
				}
			}
		}).dial(t)
		c.send(post("x")[:len(post("x"))-1])
		c.cut()
	})
}
