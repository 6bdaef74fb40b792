package websocket_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// peer is a client that sends what the test says, right or wrong.
type peer struct {
	*net.TCPConn
	t      testing.TB
	reader wsproto.Reader
	in     []byte
	store  [4096]byte
}

// handshake is the request of a client.
func handshake(url string, fields ...string) (addr, request string) {
	addr, path, _ := strings.Cut(strings.TrimPrefix(url, "ws://"), "/")
	request = "GET /" + path + " HTTP/1.1\r\nHost: " + addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, f := range fields {
		request += f + "\r\n"
	}
	return addr, request + "\r\n"
}

// connect shakes hands, and sends more in the same packet.
func connect(t testing.TB, url string, more ...string) *peer {
	t.Helper()
	addr, request := handshake(url)
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(nc, request+strings.Join(more, ""))
	require.NoError(t, err)
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	require.Equal(t, 101, resp.StatusCode)
	p := &peer{TCPConn: nc.(*net.TCPConn), t: t,
		reader: wsproto.NewReader(wsproto.NewReaderConfig(wsproto.Client, wsproto.Limits{MessageBytesMax: 64 << 20}, nil), nil)}
	rest, _ := br.Peek(br.Buffered())
	p.in = bytes.Clone(rest)
	return p
}

// framed is a client's frame.
func framed(h wsproto.Header, payload string) string {
	h.Masked, h.Key, h.Length = true, 0x5bd1e995, int64(len(payload))
	b := wsproto.AppendHeader(nil, h)
	at := len(b)
	b = append(b, payload...)
	wsproto.Mask(b[at:], h.Key)
	return string(b)
}

func text(s string) string { return framed(wsproto.Header{Fin: true, Opcode: wsproto.Text}, s) }

func farewell(code int, reason string) string {
	payload := ""
	if code != 0 {
		payload = string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
	}
	return framed(wsproto.Header{Fin: true, Opcode: wsproto.Close}, payload)
}

func (p *peer) send(frames ...string) {
	p.t.Helper()
	_, err := io.WriteString(p.TCPConn, strings.Join(frames, ""))
	require.NoError(p.t, err)
}

// next returns what comes: "text hello", "close 1000 bye", "ping", "EOF".
func (p *peer) next() string {
	p.t.Helper()
	for {
		e, n, err := p.reader.Next(p.in)
		p.in = p.in[n:]
		switch {
		case err == nil && e.Opcode == wsproto.Close:
			p.reader = wsproto.NewReader(wsproto.NewReaderConfig(wsproto.Client, wsproto.Limits{}, nil), nil)
			return strings.TrimSpace(fmt.Sprintf("close %d %s", e.Code, e.Payload))
		case err == nil:
			return map[wsproto.Opcode]string{wsproto.Text: "text ", wsproto.Binary: "binary ", wsproto.Ping: "ping ",
				wsproto.Pong: "pong "}[e.Opcode] + string(e.Payload)
		}
		require.ErrorIs(p.t, err, wsproto.ErrNeedMore)
		k, err := p.Read(p.store[:])
		if p.in = p.store[:k]; err != nil {
			if err == io.EOF {
				return "EOF"
			}
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				require.FailNow(p.t, "nothing comes")
			}
			return "reset"
		}
	}
}

func (p *peer) expect(what ...string) {
	p.t.Helper()
	for _, w := range what {
		require.Equal(p.t, w, p.next())
	}
}

// expectEnd takes what comes up to the end of the connection.
func (p *peer) expectEnd() {
	p.t.Helper()
	for got := p.next(); got != "EOF" && got != "reset"; got = p.next() {
	}
}

// reset ends the connection without a word.
func (p *peer) reset() {
	p.SetLinger(0)
	p.Close()
}

// diary is what an endpoint's callbacks were told, for one connection after the other.
type diary struct {
	e *peregrine.Endpoint
	peregrine.Options
	log syncBuffer

	mu    sync.Mutex
	lines []string
	more  chan struct{} // one token: look again
	conn  chan *peregrine.Conn
}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	d.lines = append(d.lines, strings.TrimSpace(fmt.Sprintf(format, args...)))
	d.mu.Unlock()
	select {
	case d.more <- struct{}{}:
	default:
	}
}

// expect waits for the end of all connections, and requires that this, and no more, has happened.
func (d *diary) expect(t testing.TB, lines ...string) {
	t.Helper()
	eventually(t, "the end of all connections", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.e.Counters().Open == 0 && len(d.lines) >= len(lines)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	require.Equal(t, lines, d.lines)
}

// eventually waits for cond.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			require.FailNow(t, "has not come: "+what)
		}
	}
}

// syncBuffer is a log that may be read meanwhile.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newDiary makes an endpoint in one of the styles. obey is what it does with a message after having noted it.
func newDiary(style string, o peregrine.Options, obey func(c *peregrine.Conn, m peregrine.Message)) *diary {
	d := &diary{more: make(chan struct{}, 1), conn: make(chan *peregrine.Conn, 64)}
	if obey == nil {
		obey = func(*peregrine.Conn, peregrine.Message) {}
	}
	open, closed := o.OnOpen, o.OnClose
	o.OnOpen = func(c *peregrine.Conn) {
		d.write("open")
		d.conn <- c
		if open != nil {
			open(c)
		}
	}
	message := func(c *peregrine.Conn, m peregrine.Message) {
		d.write("message %.20s", m.Data)
		obey(c, m)
	}
	if style == "callbacks" {
		o.OnMessage = message
	} else {
		o.Serve = func(c *peregrine.Conn) {
			for {
				m, err := c.Read()
				if err != nil {
					return
				}
				message(c, m)
			}
		}
	}
	o.OnClose = func(c *peregrine.Conn, code wsproto.CloseCode, reason string) {
		d.write("close %d %s", code, reason)
		if closed != nil {
			closed(c, code, reason)
		}
	}
	o.Logger = slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.e = peregrine.New(o)
	return d
}

// everywhere runs f on each transport in each style.
func everywhere(t *testing.T, f func(t *testing.T, transport, style string)) {
	for _, transport := range transports {
		for _, style := range []string{"callbacks", "blocking"} {
			t.Run(transport+" "+style, func(t *testing.T) { f(t, transport, style) })
		}
	}
}

// squeezer is gorilla's client, with compression.
var squeezer = websocket.Dialer{EnableCompression: true}

func squeezed(t testing.TB, url string) *websocket.Conn {
	c, _, err := squeezer.Dial(url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	return c
}
