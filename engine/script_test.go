package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// script is a transport.Conn without a network: it plays pieces of input to a session, in turns or when the session
// waits for more, and keeps what the session sends and asks for.
type script struct {
	session transport.Session
	t       transport.Turn
	pieces  []string // still to come
	eof     bool     // after the last piece the peer ends its side; otherwise it is silent, and deadlines pass

	own  bool // Begin refuses until the session is run on a goroutine of its own
	lent bool // End says so

	onOwn    bool
	begun    bool
	sent     strings.Builder
	log      []string  // deadlines, waits, aborts, in order
	now      time.Time // advanced by each turn
	aborted  bool
	hungUp   bool
	watched  int
	flushErr error
	peer     net.Conn // what Hijack returns
}

// scriptStart is by transport.Nanos.
const scriptStart = 1_000_000 * int64(time.Second)

func newScript(s *Server, pieces ...string) *script {
	sc := &script{pieces: pieces, now: transport.Time(scriptStart), peer: fakeNetConn{}}
	sv := &serving{s: s, listener: fakeListener{}, loops: true}
	s.settle(sv)
	sc.session = sv.open(sc)
	c := (*Conn)(sc.session.(*session))
	c.since = scriptStart
	return sc
}

func (sc *script) TryWrite([][]byte) (int, error) { return 0, nil }
func (sc *script) Notify()                        {}
func (sc *script) Loop() transport.Loop           { return nil }
func (sc *script) Stay(*transport.Turn)           { sc.logf("stay") }
func (sc *script) Leave(*transport.Turn)          { sc.logf("leave") }

type fakeListener struct{ net.Listener }
type fakeNetConn struct{ net.Conn }

func (fakeNetConn) SetDeadline(time.Time) error { return nil }
func (fakeNetConn) RemoteAddr() net.Addr        { return (*script)(nil).RemoteAddr() }

func (sc *script) logf(format string, args ...any) {
	sc.log = append(sc.log, fmt.Sprintf(format, args...))
}

// feed adds the next piece to the input. It reports false if there is none.
func (sc *script) feed() bool {
	for len(sc.pieces) > 0 {
		p := sc.pieces[0]
		sc.pieces = sc.pieces[1:]
		if p == "" {
			continue
		}
		for p != "" {
			n := copy(sc.t.Space(1<<30), p)
			sc.t.Filled(n)
			p = p[n:]
		}
		return true
	}
	return false
}

// play runs the session until it ends or the script does, and returns the last thing it wanted; transport.Read means
// that it still waits.
func (sc *script) play() transport.Next {
	for {
		fed := sc.feed()
		if !fed && sc.eof {
			sc.t.EOF = true
		}
		next := sc.turn()
		switch next {
		case transport.Read:
			if !fed && (sc.t.EOF || len(sc.pieces) == 0) {
				return next
			}
		default:
			return next
		}
	}
}

// turn runs the session once, and again as long as it asks for no more than that.
func (sc *script) turn() transport.Next {
	for {
		sc.now = sc.now.Add(time.Second)
		sc.t.Now = sc.now
		next := sc.session.Run(&sc.t)
		if next != transport.Abort {
			sc.send()
		}
		sc.onOwn = false
		// What a transport does between two turns.
		if b := sc.t.Release(); b != nil {
			if b.Len() > 0 {
				sc.t.Adopt(b.Shrunk())
			}
			b.Free()
		}
		switch {
		case next == transport.Own:
			sc.onOwn = true
		case next == transport.Write:
			sc.logf("drained")
		case next == transport.Become:
			sc.session = sc.session.(transport.Successor).Successor()
		case next == transport.Read && sc.lent && len(sc.t.In) > 0 && sc.phase() == phaseNext:
		default:
			return next
		}
	}
}

func (sc *script) phase() phase {
	if s, ok := sc.session.(*session); ok {
		return s.phase
	}
	return phaseUpgraded
}

func (sc *script) send() {
	sc.sent.Write(sc.t.Out)
	sc.t.Out = sc.t.Out[:0]
}

func (sc *script) Begin(t *transport.Turn, method, path []byte) bool {
	if sc.own && !sc.onOwn {
		return false
	}
	sc.begun = true
	t.Pin()
	return true
}

func (sc *script) End(t *transport.Turn) bool {
	sc.begun = false
	t.Unpin()
	return sc.lent
}

func (sc *script) Fill(t *transport.Turn) error {
	if sc.aborted {
		return net.ErrClosed
	}
	if sc.feed() {
		return nil
	}
	if sc.eof {
		t.EOF = true
		return io.EOF
	}
	return os.ErrDeadlineExceeded
}

func (sc *script) Read(t *transport.Turn, p []byte) (int, error) {
	if len(t.In) != 0 {
		panic("Read with input at hand")
	}
	if err := sc.Fill(t); err != nil {
		return 0, err
	}
	n := copy(p, t.In)
	t.In = t.In[n:]
	if len(t.In) > 0 {
		// A real Read takes no more than p holds.
		sc.pieces = append([]string{string(t.In)}, sc.pieces...)
		t.In = t.In[len(t.In):]
	}
	return n, nil
}

func (sc *script) Flush(t *transport.Turn, more ...[]byte) error {
	if sc.flushErr != nil {
		return sc.flushErr
	}
	sc.logf("flush")
	sc.send()
	for _, p := range more {
		sc.sent.Write(p)
	}
	return nil
}

func (sc *script) SendFile(t *transport.Turn, f *os.File, n int64) (int64, error) {
	if err := sc.Flush(t); err != nil {
		return 0, err
	}
	return io.Copy(&sc.sent, io.LimitReader(f, n))
}

// at writes a deadline as seconds after the script's start.
func at(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return strconv.FormatFloat(float64(transport.Nanos(t)-scriptStart)/1e9, 'f', -1, 64)
}

func (sc *script) SetReadDeadline(t time.Time)  { sc.logf("read until %s", at(t)) }
func (sc *script) SetWriteDeadline(t time.Time) { sc.logf("write until %s", at(t)) }
func (sc *script) Watch(*transport.Turn)        { sc.watched++ }
func (sc *script) HungUp() bool                 { return sc.hungUp }
func (sc *script) NetConn() net.Conn            { return nil }
func (sc *script) RemoteAddr() net.Addr         { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 99} }
func (sc *script) LocalAddr() net.Addr          { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 80} }
func (sc *script) Abort()                       { sc.aborted = true; sc.logf("abort") }
func (sc *script) Hijack(t *transport.Turn) (net.Conn, error) {
	sc.logf("hijack")
	sc.send()
	return sc.peer, nil
}

type handlerFunc func(x *Exchange)

func (f handlerFunc) ServeExchange(x *Exchange) { f(x) }

// reply answers with status 200 and body.
func reply(x *Exchange, body string) {
	x.SetOut(append(x.Out(), fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)...))
}

// echo answers with the request line, the body and the trailer, reading by size bytes.
func echo(size int) handlerFunc {
	return func(x *Exchange) {
		h := x.HeadBytes()
		method, target := string(x.Head().Method.In(h)), string(x.Head().Target.In(h))
		var body []byte
		p := make([]byte, size)
		for {
			n, err := x.ReadBody(p)
			body = append(body, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				reply(x, "error: "+err.Error())
				return
			}
		}
		fields, b := x.Trailers()
		for _, f := range fields {
			body = append(append(append(body, '|'), f.Name.In(b)...), f.Value.In(b)...)
		}
		reply(x, method+" "+target+" "+string(body))
	}
}

func answer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

const badRequest = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"

// sessions are whole connections: what the peer sends, and what it gets from echo.
var sessions = []struct {
	name, in, out string
	next          transport.Next // after the peer has ended its side
}{
	{"nothing", "", "", transport.Close},
	{"one", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", answer("GET /a "), transport.Close},
	{"close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", answer("GET / "), transport.Close},
	{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", answer("GET / "), transport.Close},
	{"pipeline", "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("GET /1 ") + answer("GET /2 ") + answer("GET /3 "), transport.Close},
	{"length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", answer("POST / hello"), transport.Close},
	{"length, pipelined", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("POST / hello") + answer("GET / "), transport.Close},
	{"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
		answer("POST / hello"), transport.Close},
	{"trailers, pipelined", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("POST / hello|Ab|Cd") + answer("GET / "), transport.Close},
	{"GET with a body", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGETGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("GET / GET") + answer("GET / "), transport.Close},
	{"empty line between", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("POST / hi") + answer("GET / "), transport.Close},
	{"two empty lines between", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("POST / hi") + answer("GET / "), transport.Close},
	{"three empty lines between", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("POST / hi") + badRequest, transport.Linger},
	{"two empty lines after no body", "GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("GET / ") + badRequest, transport.Linger},
	{"empty line only", "\r\n", "", transport.Close},
	{"empty line last", "GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n", answer("GET / "), transport.Close},
	{"end in a head", "GET / HTTP/1.1\r\nHo", "", transport.Close},
	{"end in the second head", "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HT", answer("GET / "), transport.Close},
	{"end in a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", answer("error: unexpected EOF"), transport.Close},
	{"end in chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
		answer("error: unexpected EOF"), transport.Close},
	{"bad chunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("error: httpparse: chunk-end (RFC 9112, section 7.1)"), transport.Linger},
	{"bad head", "GET /\r\n\r\n", badRequest, transport.Linger},
	{"bad second head", "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET  / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		answer("GET / ") + badRequest, transport.Linger},
	{"no host", "GET / HTTP/1.1\r\n\r\n", strings.ReplaceAll(badRequest, "400 Bad Request", "400 Bad Request: missing required Host header"), transport.Linger},
	{"version", "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/3.0\r\nHost: h\r\n\r\n",
		answer("GET / ") + strings.ReplaceAll(badRequest, "400 Bad Request", "505 HTTP Version Not Supported: unsupported protocol version"), transport.Linger},
	{"coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nUnsupported transfer encoding", transport.Linger},
	{"field name", "GET / HTTP/1.1\r\nHost: h\r\nA b: c\r\n\r\n", strings.ReplaceAll(badRequest, "400 Bad Request", "400 Bad Request: invalid header name"), transport.Linger},
	{"large head", "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("x", 600) + "\r\n\r\n",
		strings.ReplaceAll(badRequest, "400 Bad Request", "431 Request Header Fields Too Large"), transport.Linger},
}

var errScript = errors.New("script: broken")

func TestSessions(t *testing.T) {
	for _, tt := range sessions {
		t.Run(tt.name, func(t *testing.T) {
			sc := newScript(&Server{Handler: echo(100), HeadBytesMax: 512}, tt.in)
			sc.eof = true
			require.Equal(t, tt.next, sc.play())
			require.Equal(t, tt.out, sc.sent.String())
		})
	}
}
