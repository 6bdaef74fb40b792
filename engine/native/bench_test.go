package native

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// played runs a server's sessions without a network: what a request costs above the transport.
type played struct {
	newSession func(transport.Conn) transport.Session
	session    transport.Session
	turn       transport.Turn
	done       chan struct{}
}

func newPlayed(tb testing.TB, rt *Router, changes ...func(*Server)) *played {
	s := &Server{Router: rt}
	for _, change := range changes {
		change(s)
	}
	eng, err := s.begin(nil)
	require.NoError(tb, err)
	p := &played{done: make(chan struct{})}
	close(p.done)
	require.NoError(tb, eng.ServeOn(&net.TCPListener{}, func(o transport.Options) (transport.Runner, error) {
		p.newSession = o.NewSession
		return p, nil
	}))
	p.session = p.newSession(p)
	return p
}

// play gives the session one piece of input and returns what it answers: valid until the next call.
func (p *played) play(in []byte) []byte {
	p.turn.In, p.turn.Out, p.turn.Now = in, p.turn.Out[:0], transport.Time(1e18)
	if next := p.session.Run(&p.turn); next != transport.Read {
		panic(next)
	}
	return p.turn.Out
}

func (p *played) Serve(net.Listener) error { return nil }
func (p *played) CloseIdle()               {}
func (p *played) Drain()                   {}
func (p *played) Close()                   {}
func (p *played) Done() <-chan struct{}    { return p.done }
func (p *played) Conns() int               { return 1 }

func (p *played) Begin(t *transport.Turn, _, _ []byte) bool { t.Pin(); return true }
func (p *played) End(t *transport.Turn) bool                { t.Unpin(); return false }
func (p *played) TryWrite([][]byte) (int, error)            { return 0, net.ErrClosed }
func (p *played) Notify()                                   {}
func (p *played) Loop() transport.Loop                      { return nil }
func (p *played) Stay(*transport.Turn)                      {}
func (p *played) Leave(*transport.Turn)                     {}
func (p *played) Fill(*transport.Turn) error                { return os.ErrDeadlineExceeded }
func (p *played) Read(*transport.Turn, []byte) (int, error) { return 0, os.ErrDeadlineExceeded }
func (p *played) Flush(*transport.Turn, ...[]byte) error    { return net.ErrClosed }
func (p *played) SetReadDeadline(time.Time)                 {}
func (p *played) SetWriteDeadline(time.Time)                {}
func (p *played) Watch(*transport.Turn)                     {}
func (p *played) HungUp() bool                              { return false }
func (p *played) NetConn() net.Conn                         { return nil }
func (p *played) RemoteAddr() net.Addr                      { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (p *played) LocalAddr() net.Addr                       { return &net.TCPAddr{} }
func (p *played) Abort()                                    {}
func (p *played) SendFile(*transport.Turn, *os.File, int64) (int64, error) {
	return 0, net.ErrClosed
}
func (p *played) Hijack(*transport.Turn) (net.Conn, error) { return nil, net.ErrClosed }

// benchRouter has the five routes of the comparison with other servers.
func benchRouter() *Router {
	rt := NewRouter()
	rt.Handle("GET /plaintext", func(w *Response, _ *Request) error {
		w.Set("Content-Type", "text/plain")
		_, err := w.WriteString("Hello, World!")
		return err
	})
	rt.Handle("GET /users/{id}", func(w *Response, r *Request) error {
		return w.Bytes(200, "text/plain", r.Param("id"))
	})
	rt.Handle("POST /echo", func(w *Response, r *Request) error {
		body, err := r.Body()
		if err != nil {
			return err
		}
		return w.Bytes(200, "application/octet-stream", body)
	})
	rt.Handle("GET /static/{path...}", func(w *Response, _ *Request) error { return w.Empty(204) })
	rt.Const("GET /const", func(w *Response, _ *Request) error {
		w.Set("Content-Type", "text/plain")
		_, err := w.WriteString("Hello, World!")
		return err
	})
	return rt
}

func BenchmarkRequest(b *testing.B) {
	const host = " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	const browser = " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
		"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Connection: keep-alive\r\nCookie: a=b; c=d\r\n\r\n"
	for _, bb := range []struct{ name, in, want string }{
		{"plaintext", "GET /plaintext" + host, "Hello, World!"},
		{"plaintext/browser", "GET /plaintext" + browser, "Hello, World!"},
		{"param", "GET /users/42" + host, "\r\n42"},
		{"const", "GET /const" + host, "Hello, World!"},
		{"const/browser", "GET /const" + browser, "Hello, World!"},
		{"pipelined", strings.Repeat("GET /plaintext"+host, 16), "Hello, World!"},
		{"echo", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "\r\nhello"},
		{"not found", "GET /none" + host, "404 Not Found"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := newPlayed(b, benchRouter())
			in := []byte(bb.in)
			require.Contains(b, string(p.play(in)), bb.want)
			b.ReportAllocs()
			for b.Loop() {
				p.play(in)
			}
		})
	}
}
