package overtls_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/overtls"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

// pipes is a transport over pipes, with TLS and an echo above.
func pipes(t testing.TB) (*cutting, *authority) {
	ca := newAuthority(t)
	layer := overtls.New(overtls.Config{TLS: &tls.Config{Certificates: []tls.Certificate{ca.sign(t, "localhost")}}})
	r, err := portable.New(transport.Options{NewSession: layer.Under(func(transport.Conn) transport.Session { return echoing{} })})
	if err != nil {
		t.Fatal(err)
	}
	l := &cutting{conns: make(chan net.Conn), done: make(chan struct{})}
	go r.Serve(l)
	t.Cleanup(func() {
		r.Close()
		await(t, r.Done(), "the runner to end")
	})
	return l, ca
}

// lingering is a pipe's end that claims to be able to end its side alone, so that nobody waits for want of that.
type lingering struct{ net.Conn }

func (lingering) CloseWrite() error { return nil }

// FuzzHandshake: whatever a client sends, the connection ends when the client has ended it.
func FuzzHandshake(f *testing.F) {
	first := hello(f)
	f.Add([]byte{}, 0)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 3)
	f.Add([]byte{22, 3, 1, 0xff, 0xff}, 0)
	f.Add([]byte{0x80, 46, 1, 3, 1, 0, 0}, 0)
	f.Add([]byte{21, 3, 1, 0, 2, 1, 0}, 0)
	f.Add(bytes.Repeat([]byte{20, 3, 3, 0, 1, 1}, 40), 6)
	f.Add(first, 100)
	f.Add(append(bytes.Clone(first), first...), 0)
	f.Add(append(bytes.Clone(first), 20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 20), 7)
	l, _ := pipes(f)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		near, far := net.Pipe()
		l.conns <- lingering{far}
		defer near.Close()
		near.SetDeadline(time.Now().Add(patience))
		go func() {
			cut = min(max(cut, 0), len(in))
			near.Write(in[:cut])
			near.Write(in[cut:])
			near.Close()
		}()
		io.Copy(io.Discard, near)
		// The other side is closed by the server, whatever it has made of it.
		far.SetReadDeadline(time.Now().Add(patience))
		for {
			if _, err := far.Read(make([]byte, 64)); err == io.ErrClosedPipe {
				return
			} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("the connection stays open")
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// FuzzRecords: what follows a good handshake and breaks a rule ends the connection; nothing of it is taken for data.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{23, 3, 3, 0, 3, 1, 2, 3})
	f.Add([]byte{23, 3, 3, 0xff, 0xff})
	f.Add([]byte{99, 3, 3, 0, 1, 1})
	f.Add([]byte{23, 2, 0, 0, 1, 1})
	f.Add([]byte{20, 3, 3, 0, 1, 1})
	f.Add(bytes.Repeat([]byte{23, 3, 3, 0, 0}, 50))
	f.Add(append([]byte{23, 3, 3, 0x48, 0}, make([]byte, 0x4800)...))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	l, ca := pipes(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		near, far := net.Pipe()
		l.conns <- lingering{far}
		defer near.Close()
		near.SetDeadline(time.Now().Add(patience))
		c := tls.Client(near, &tls.Config{RootCAs: ca.pool, ServerName: "localhost"})
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 5)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
			t.Fatal(string(b), err)
		}
		go func() {
			near.Write(in)
			c.CloseWrite()
			near.Close()
		}()
		if more, _ := io.ReadAll(c); len(more) > 0 {
			t.Fatalf("%q came back", more)
		}
	})
}
