package wsproto

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// Both sides are played here with as little as it takes: a connection, and this package.

func randomKey() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

// echo answers every message with the same, fragmented if it begins with "fragments", and a Close with a Close.
func echo(c net.Conn, in []byte, r *Reader, w *Writer) (end Event, err error) {
	buffer := make([]byte, 4096)
	for {
		for {
			var e Event
			var n int
			e, n, err = r.Next(in)
			if in = in[n:]; err == ErrNeedMore {
				break
			}
			if err != nil {
				return Event{}, err
			}
			var out []byte
			switch {
			case e.Opcode == Ping:
				out, _ = w.Pong(nil, e.Payload)
			case e.Opcode == Pong:
				continue
			case e.Opcode == Close:
				out, _ = w.Close(nil, e.Code, string(e.Payload))
				c.Write(out)
				return Event{Opcode: Close, Code: e.Code, Payload: bytes.Clone(e.Payload)}, nil
			case bytes.HasPrefix(e.Payload, []byte("fragments")):
				half := len(e.Payload) / 2
				out = w.Fragment(nil, e.Opcode, false, e.Payload[:half])
				out = w.Fragment(out, 0, true, e.Payload[half:])
			default:
				out = w.Message(nil, e.Opcode, e.Payload)
			}
			if _, err = c.Write(out); err != nil {
				return Event{}, err
			}
		}
		n, err := c.Read(buffer)
		if err != nil {
			return Event{}, err
		}
		in = buffer[:n]
	}
}

// serveEcho accepts connections until the test ends, with the handshake done by this package.
func serveEcho(t *testing.T, willing Params) (address string, ends chan Event) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	ends = make(chan Event, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				input := bufio.NewReader(c)
				q, err := http.ReadRequest(input)
				if err != nil {
					return
				}
				var o Opening
				o.Field([]byte("Host"), []byte(q.Host))
				for name, values := range q.Header {
					for _, v := range values {
						o.Field([]byte(name), []byte(v))
					}
				}
				if err := o.Check([]byte(q.Method), []byte(q.Proto)); err != nil {
					c.Write([]byte("HTTP/1.1 " + strconv.Itoa(err.(*Error).Status) + " no\r\n" + RefusalFields + "\r\n"))
					return
				}
				agreed, packs := o.Deflate(willing)
				var i *Inflater
				var d *Deflater
				var answer *Params
				if packs {
					i, d, answer = NewInflater(Server, agreed), NewDeflater(Server, agreed, 3), &agreed
				}
				c.Write(append(o.AppendAnswer(nil, o.Protocol("echo"), answer), "\r\n"...))
				r, w := NewReader(NewReaderConfig(Server, Limits{}, nil), i), NewWriter(d)
				over, _ := input.Peek(input.Buffered())
				end, _ := echo(c, over, &r, &w)
				ends <- end
			}()
		}
	}()
	return l.Addr().String(), ends
}

func interopMessages() []string {
	return []string{"", "a", "short", string(prose(200)), "fragments " + string(prose(3000)), string(prose(100_000)), string(prose(200)), "fragments " + hello}
}

// params are those that all the others understand.
var interopParams = []Params{{}, {ServerNoContextTakeover: true, ClientNoContextTakeover: true}}

func TestInteropGorillaClient(t *testing.T) {
	for _, packs := range []bool{false, true} {
		address, ends := serveEcho(t, Params{})
		dialer := gorilla.Dialer{EnableCompression: packs, Subprotocols: []string{"other", "echo"}, HandshakeTimeout: 10 * time.Second}
		c, _, err := dialer.Dial("ws://"+address, nil)
		require.NoError(t, err)
		defer c.Close()
		require.Equal(t, "echo", c.Subprotocol())
		for i, m := range interopMessages() {
			kind := 1 + i%2
			require.NoError(t, c.WriteMessage(kind, []byte(m)))
			gotKind, got, err := c.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, kind, gotKind)
			require.Equal(t, m, string(got))
		}
		ponged := false
		c.SetPongHandler(func(s string) error { ponged = s == "x"; return nil })
		require.NoError(t, c.WriteControl(gorilla.PingMessage, []byte("x"), time.Now().Add(time.Minute)))
		require.NoError(t, c.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(4000, "done"), time.Now().Add(time.Minute)))
		_, _, err = c.ReadMessage()
		require.True(t, gorilla.IsCloseError(err, 4000), "%v", err)
		require.True(t, ponged)
		require.Equal(t, `close 4000 "done"`, show(<-ends))
	}
}

func TestInteropCoderClient(t *testing.T) {
	for _, mode := range []coder.CompressionMode{coder.CompressionDisabled, coder.CompressionContextTakeover, coder.CompressionNoContextTakeover} {
		for _, willing := range interopParams {
			address, ends := serveEcho(t, willing)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			c, _, err := coder.Dial(ctx, "ws://"+address, &coder.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
			require.NoError(t, err)
			c.SetReadLimit(1 << 20)
			for i, m := range interopMessages() {
				kind := coder.MessageType(1 + i%2)
				require.NoError(t, c.Write(ctx, kind, []byte(m)))
				gotKind, got, err := c.Read(ctx)
				require.NoError(t, err)
				require.Equal(t, kind, gotKind)
				require.Equal(t, m, string(got))
			}
			require.NoError(t, c.Close(coder.StatusNormalClosure, "done"))
			require.Equal(t, `close 1000 "done"`, show(<-ends))
		}
	}
}

func TestInteropGobwasClient(t *testing.T) {
	for _, params := range []*wsflate.Parameters{nil, {ServerNoContextTakeover: true, ClientNoContextTakeover: true}, {ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 10}} {
		address, _ := serveEcho(t, Params{})
		dialer := gobwas.Dialer{Timeout: 10 * time.Second, Protocols: []string{"echo"}}
		if params != nil {
			dialer.Extensions = append(dialer.Extensions, params.Option())
		}
		c, _, hs, err := dialer.Dial(context.Background(), "ws://"+address)
		require.NoError(t, err)
		defer c.Close()
		require.Equal(t, "echo", hs.Protocol)
		require.Equal(t, params != nil, len(hs.Extensions) == 1)
		for i, m := range interopMessages() {
			frame := gobwas.NewFrame(gobwas.OpCode(1+i%2), true, []byte(m))
			if params != nil {
				frame, err = wsflate.CompressFrame(frame)
				require.NoError(t, err)
			}
			require.NoError(t, gobwas.WriteFrame(c, gobwas.MaskFrame(frame)))
			var got []byte
			packed := false
			for {
				frame, err = gobwas.ReadFrame(c)
				require.NoError(t, err)
				packed = packed || frame.Header.Rsv1()
				got = append(got, frame.Payload...)
				if frame.Header.Fin {
					break
				}
			}
			if packed {
				got, err = wsflate.DefaultHelper.Decompress(got)
				require.NoError(t, err)
			}
			require.Equal(t, m, string(got))
		}
	}
}

// client dials with this package and returns what is needed to talk.
func client(t *testing.T, address string, offer *Params) (c net.Conn, over []byte, r Reader, w Writer, protocol string) {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	q := Request{Target: "/", Host: address, Protocols: []string{"echo"}, Deflate: offer}
	var random [16]byte
	rand.Read(random[:])
	c.Write(append(q.Append(nil, random), "\r\n"...))
	input := bufio.NewReader(c)
	response, err := http.ReadResponse(input, nil)
	require.NoError(t, err)
	var a Answer
	for name, values := range response.Header {
		for _, v := range values {
			a.Field([]byte(name), []byte(v))
		}
	}
	protocol, agreed, err := a.Check(&q, response.StatusCode)
	require.NoError(t, err)
	var i *Inflater
	var d *Deflater
	if agreed != nil {
		i, d = NewInflater(Client, *agreed), NewDeflater(Client, *agreed, 3)
	}
	over, _ = input.Peek(input.Buffered())
	return c, over, NewReader(NewReaderConfig(Client, Limits{}, nil), i), NewClientWriter(d, randomKey), protocol
}

// TestInteropServers: our client, their echo servers.
func TestInteropServers(t *testing.T) {
	gorillaServer := func(packs bool) http.HandlerFunc {
		upgrader := gorilla.Upgrader{EnableCompression: packs, Subprotocols: []string{"echo"}}
		return func(w http.ResponseWriter, r *http.Request) {
			c, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer c.Close()
			for {
				kind, m, err := c.ReadMessage()
				if err != nil {
					return
				}
				c.WriteMessage(kind, m)
			}
		}
	}
	coderServer := func(mode coder.CompressionMode) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c, err := coder.Accept(w, r, &coder.AcceptOptions{Subprotocols: []string{"echo"}, CompressionMode: mode, CompressionThreshold: 1})
			if err != nil {
				return
			}
			c.SetReadLimit(1 << 20)
			for {
				kind, m, err := c.Read(r.Context())
				if err != nil {
					return
				}
				c.Write(r.Context(), kind, m)
			}
		}
	}
	gobwasServer := func(w http.ResponseWriter, r *http.Request) {
		u := gobwas.HTTPUpgrader{Protocol: func(s string) bool { return s == "echo" }}
		c, _, _, err := u.Upgrade(r, w)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			m, op, err := wsutil.ReadClientData(c)
			if err != nil {
				return
			}
			wsutil.WriteServerMessage(c, op, m)
		}
	}
	var offers = []*Params{nil, {}, {ServerNoContextTakeover: true}, {ServerNoContextTakeover: true, ClientNoContextTakeover: true, ClientMaxWindowBits: 15}}
	for name, h := range map[string]http.HandlerFunc{
		"gorilla": gorillaServer(false), "gorilla, deflate": gorillaServer(true),
		"coder": coderServer(coder.CompressionDisabled), "coder, deflate": coderServer(coder.CompressionContextTakeover), "coder, no context": coderServer(coder.CompressionNoContextTakeover),
		"gobwas": gobwasServer,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server := &http.Server{Handler: h}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		for _, offer := range offers {
			c, in, r, w, protocol := client(t, l.Addr().String(), offer)
			require.Equal(t, "echo", protocol)
			buffer := make([]byte, 4096)
			next := func() Event {
				for {
					e, n, err := r.Next(in)
					if in = in[n:]; err == nil {
						return e
					}
					require.Equal(t, ErrNeedMore, err, name)
					k, err := c.Read(buffer)
					require.NoError(t, err, name)
					in = buffer[:k]
				}
			}
			for i, m := range interopMessages() {
				var out []byte
				if strings.HasPrefix(m, "fragments") {
					out = w.Fragment(nil, Opcode(1+i%2), false, []byte(m[:20]))
					out = w.Fragment(out, 0, true, []byte(m[20:]))
				} else {
					out = w.Message(nil, Opcode(1+i%2), []byte(m))
				}
				_, err := c.Write(out)
				require.NoError(t, err)
				e := next()
				require.Equal(t, Opcode(1+i%2), e.Opcode)
				require.Equal(t, m, string(e.Payload), name)
			}
			out, _ := w.Ping(nil, []byte("x"))
			out, _ = w.Close(out, NormalClosure, "")
			c.Write(out)
			require.Equal(t, `pong "x"`, show(next()), name)
			require.Equal(t, `close 1000 ""`, show(next()), name)
		}
	}
}

// TestInteropGorillaReader gives the sessions to gorilla's reader. Where ours sees messages and a rule broken, gorilla
// must see the same messages; what it does not judge (limits, text, some codes, how a compressed message ends) is left out.
func TestInteropGorillaReader(t *testing.T) {
	compared := 0
	for _, s := range sessions() {
		if s.deflate || strings.Contains(s.want, "text-utf8") || strings.Contains(s.want, "-size") || strings.Contains(s.want, "fragment-count") || strings.Contains(s.want, "minimal") {
			continue
		}
		ours, theirs := net.Pipe()
		var c *gorilla.Conn
		if s.role == Server {
			c = gorillaConn(t, theirs)
		} else {
			continue // gorilla's client is made by its dialer only; its frames are read by the same code
		}
		c.SetPingHandler(func(string) error { return nil }) // a Pong would meet a closed pipe, and end the reading
		go func() {
			ours.Write(s.wire)
			ours.Close()
		}()
		go io.Copy(io.Discard, ours)
		var got, want []string
		for {
			kind, m, err := c.ReadMessage()
			if err != nil {
				break
			}
			got = append(got, show(Event{Opcode: Opcode(kind), Payload: m}))
		}
		for _, e := range strings.Split(s.want, "\n") {
			if strings.HasPrefix(e, "text") || strings.HasPrefix(e, "binary") {
				want = append(want, e)
			}
		}
		require.Equal(t, want, got, s.name)
		c.Close()
		compared++
	}
	require.Greater(t, compared, 100)
}

// gorillaConn makes a server's connection of gorilla's, without a handshake on the wire.
func gorillaConn(t *testing.T, c net.Conn) *gorilla.Conn {
	w := &hijacked{c, http.Header{}}
	q, _ := http.NewRequest("GET", "http://h/", nil)
	for _, f := range request()[1:] {
		q.Header.Set(f[0], f[1])
	}
	upgrader := gorilla.Upgrader{}
	got, err := upgrader.Upgrade(w, q, nil)
	require.NoError(t, err)
	got.SetReadLimit(1 << 20)
	return got
}

// hijacked swallows the answer to the handshake.
type hijacked struct {
	c      net.Conn
	header http.Header
}

func (h *hijacked) Header() http.Header         { return h.header }
func (h *hijacked) Write(p []byte) (int, error) { return len(p), nil }
func (h *hijacked) WriteHeader(int)             {}
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	quiet := &silent{Conn: h.c}
	return quiet, bufio.NewReadWriter(bufio.NewReader(quiet), bufio.NewWriter(quiet)), nil
}

// silent drops the first write.
type silent struct {
	net.Conn
	written atomic.Bool
}

func (s *silent) Write(p []byte) (int, error) {
	if s.written.CompareAndSwap(false, true) {
		return len(p), nil
	}
	return s.Conn.Write(p)
}
