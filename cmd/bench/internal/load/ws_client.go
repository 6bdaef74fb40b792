package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/wsproto"
)

// socket makes a request a WebSocket: after the opening handshake its connections send messages and want them back, or subscribe
// and get what a topic's publisher sends.
type socket struct {
	opening  wsproto.Request
	opcode   wsproto.Opcode
	size     int // of a message, in bytes
	config   *wsproto.ReaderConfig
	variants []variant
	topic    *topic // nil: echo
}

// variant is what some of the connections send at once, and what they want back. Messages of a batch differ, and so do those of
// neighbouring connections: one that is sent back in another's place is found out.
type variant struct {
	batch    []byte
	messages [][]byte
}

const socketVariants = 8

// NewSocketRequest makes a request for a ws or wss URL, with messages of size bytes.
func NewSocketRequest(rawURL string, size int, text bool) (*Request, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, fmt.Errorf("URL %q: want ws://HOST[:PORT]/PATH or wss://", rawURL)
	}
	r, err := NewRequest("GET", "http"+strings.TrimPrefix(rawURL, "ws"), nil, nil)
	if err != nil {
		return nil, err
	}
	s := &socket{opening: wsproto.Request{Target: u.RequestURI(), Host: u.Host}, opcode: wsproto.Binary, size: size}
	if text {
		s.opcode = wsproto.Text
	}
	s.config = wsproto.NewReaderConfig(wsproto.Client, wsproto.Limits{MessageBytesMax: size + 1}, nil)
	r.socket = s
	return r, nil
}

// prepare makes batches of depth messages.
func (s *socket) prepare(depth int) {
	s.variants = nil
	w := wsproto.NewClientWriter(nil, maskKey)
	for v := range socketVariants {
		var one variant
		for i := range depth {
			message := []byte(pattern.Of(s.size + v*depth + i))[v*depth+i:]
			one.messages = append(one.messages, message)
			one.batch = w.Message(one.batch, s.opcode, message)
		}
		s.variants = append(s.variants, one)
	}
}

// maskKey is a random key. One for each run of a frame is enough: masking protects from pages in browsers, not from us.
func maskKey() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

// handshakeBytesMax bounds the answer to a handshake.
const handshakeBytesMax = 8 << 10

// RefusedError is an answer to a handshake that is none.
type RefusedError struct{ status int }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the handshake is answered with status %d instead of 101", e.status)
}

// open makes the opening handshake on a new connection.
func (s *socket) open(conn net.Conn, timeout time.Duration) error {
	conn.SetDeadline(time.Now().Add(timeout))
	defer conn.SetDeadline(time.Time{})
	var random [16]byte
	rand.Read(random[:])
	q := s.opening
	if _, err := conn.Write(append(q.Append(nil, random), "\r\n"...)); err != nil {
		return err
	}
	head := make([]byte, 0, handshakeBytesMax)
	for !bytes.Contains(head, []byte("\r\n\r\n")) {
		n, err := conn.Read(head[len(head):cap(head)])
		if head = head[:len(head)+n]; err == io.EOF || len(head) == cap(head) {
			return errors.New("the handshake is not answered in full")
		}
		if err != nil {
			return err
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return &RefusedError{resp.StatusCode}
	}
	var answer wsproto.Answer
	for name, values := range resp.Header {
		for _, v := range values {
			answer.Field([]byte(name), []byte(v))
		}
	}
	if _, _, err := answer.Check(&q, resp.StatusCode); err != nil {
		return err
	}
	if !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		return errors.New("the server sends before it has been asked")
	}
	return nil
}

// probe opens one connection and, unless it is a subscriber's, has a message sent back. An answer that is no handshake is a
// status, as that of other requests.
func (r *Request) probeSocket(ctx context.Context, timeout time.Duration) (status int, err error) {
	s := r.socket
	conn, err := r.dial(ctx, timeout)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var other *RefusedError
	if err := s.open(conn, timeout); errors.As(err, &other) {
		return other.status, nil
	} else if err != nil {
		return 0, err
	}
	if s.topic == nil {
		err = s.ask(conn, timeout)
	}
	return http.StatusOK, err
}

// ask sends one message on an open connection and checks what comes back.
func (s *socket) ask(conn net.Conn, timeout time.Duration) error {
	conn.SetDeadline(time.Now().Add(timeout))
	s1 := *s
	s1.prepare(1)
	g := &Group{depth: 1, Requests: []*Request{{socket: &s1}}}
	t := NewTally()
	c := newClient(g, t, make([]memo, 1), 0)
	if _, err := conn.Write(c.send(0, 0)); err != nil {
		return err
	}
	buf := make([]byte, 4<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		switch want := c.receive(buf[:n], 0, false); {
		case len(t.failures) > 0:
			return errors.New(t.Failed()[0].First)
		case want == wantSend:
			return nil
		}
		if pong := c.takePong(); pong != nil {
			conn.Write(pong)
		}
	}
}

// socketClient is what a client of a WebSocket has besides.
type socketClient struct {
	*socket
	reader wsproto.Reader
	own    variant
	last   uint64 // of a subscriber: the number of its latest message
	fresh  bool   // of a subscriber: it was opened anew and cannot know which is the next
	pong   []byte // to be sent
}

func newSocketClient(s *socket, n int) *socketClient {
	c := &socketClient{socket: s, reader: wsproto.NewReader(s.config, nil)}
	if len(s.variants) > 0 {
		c.own = s.variants[n%len(s.variants)]
	}
	return c
}

// restart stands before the first message of another connection.
func (s *socketClient) restart() {
	s.reader = wsproto.NewReader(s.config, nil)
	s.pong, s.fresh = nil, true
}

// sendMessages is send of a WebSocket. A subscriber has nothing to send and waits for as long as it takes.
func (c *client) sendMessages() []byte {
	if c.socket.topic != nil {
		c.pending, c.sent = 1, math.MaxInt64
		return nil
	}
	if pong := c.takePong(); pong != nil {
		return append(pong, c.socket.own.batch...)
	}
	return c.socket.own.batch
}

// takePong returns the Pongs that are due, or nil. Those that are due when a batch is sent leave with that.
func (c *client) takePong() []byte {
	if c.socket == nil || len(c.socket.pong) == 0 {
		return nil
	}
	pong := c.socket.pong
	c.socket.pong = nil
	return pong
}

// receiveFrames is receive of a WebSocket.
func (c *client) receiveFrames(p []byte, now int64, counts bool) next {
	s, t := c.socket, c.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	if counts {
		t.Bytes += uint64(len(p))
	}
	good := 0
	defer func() {
		switch {
		case good == 0:
		case s.topic != nil:
			s.topic.deliveredMore(good)
		case counts:
			c.count(now, good)
		}
	}()
	for {
		e, n, err := s.reader.Next(p)
		p = p[n:]
		if err == wsproto.ErrNeedMore {
			break
		}
		if err != nil {
			t.fail("protocol", "%v", err)
			return wantOut
		}
		switch e.Opcode {
		case wsproto.Ping:
			w := wsproto.NewClientWriter(nil, maskKey)
			s.pong, _ = w.Pong(s.pong, e.Payload)
		case wsproto.Pong:
		case wsproto.Close:
			t.fail("closed by the server", "the server closes with code %d %q", e.Code, Cut(e.Payload))
			return wantOut
		default:
			if s.topic != nil {
				if s.delivery(t, e, now, counts) {
					good++
				}
				continue
			}
			if c.pending == 0 {
				t.fail("unasked message", "a message that answers none: %q", Cut(e.Payload))
				return wantOut
			}
			want := s.own.messages[len(s.own.messages)-c.pending]
			c.pending--
			if e.Opcode != s.opcode || !bytes.Equal(e.Payload, want) {
				t.fail("wrong echo", "%q came back as %q, opcode %d as %d", Cut(want), Cut(e.Payload), s.opcode, e.Opcode)
				continue
			}
			good++
		}
	}
	if c.pending == 0 {
		return wantSend
	}
	return wantRead
}
