package websocket

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/wsproto"
)

// door makes a WebSocket of each request, and nothing else.
type door struct{ e *Endpoint }

func (d door) ServeExchange(x *engine.Exchange) {
	if err := d.e.Upgrade(x, nil, nil); err != nil {
		panic(err)
	}
}

// enter serves e and returns clients behind the handshake.
func enter(t testing.TB, e *Endpoint, clients int) []net.Conn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &engine.Server{Handler: door{e}}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		require.Error(t, <-done)
	})
	all := make([]net.Conn, clients)
	for n := range all {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		require.NoError(t, err)
		for end := [4]byte{}; end != [4]byte{'\r', '\n', '\r', '\n'}; {
			copy(end[:], end[1:])
			_, err := io.ReadFull(c, end[3:])
			require.NoError(t, err)
		}
		all[n] = c
	}
	return all
}

// masked is a client's frame around size bytes.
func masked(size int) []byte {
	h := wsproto.Header{Fin: true, Opcode: wsproto.Binary, Masked: true, Key: 0x01020304, Length: int64(size)}
	return append(wsproto.AppendHeader(nil, h), make([]byte, size)...)
}

func echoes() *Endpoint { return New(Options{OnMessage: func(c *Conn, m Message) { c.Send(m) }}) }

// An echo allocates nothing.
func TestEchoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: the race detector empties pools")
	}
	c := enter(t, echoes(), 1)[0]
	for _, size := range []int{0, 64, 1000} {
		frame := masked(size)
		answer := make([]byte, len(frame)-4)
		once := func() {
			c.Write(frame)
			io.ReadFull(c, answer)
		}
		once()
		require.Zero(t, testing.AllocsPerRun(1000, once), "%d bytes", size)
	}
}

// sink is an actor that keeps nothing.
type sink struct {
	actor
	bytes int
}

func (s *sink) TryWrite(p [][]byte) (n int, err error) {
	for _, b := range p {
		n += len(b)
	}
	s.bytes += n
	return n, nil
}

// audience is a topic "x" with members on one loop.
func audience(t testing.TB, members int) (*Topics, *stage, []*sink) {
	ts, loop, e := new(Topics), new(stage), echoes()
	sinks := make([]*sink, members)
	for n := range sinks {
		sinks[n] = &sink{actor: actor{loop: loop}}
		require.True(t, ts.Subscribe(&Conn{e: e, tc: sinks[n]}, "x"))
	}
	return ts, loop, sinks
}

// What is published is framed once, for any number of members.
func TestPublishAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: the race detector empties pools")
	}
	few := 0.0
	for _, members := range []int{1, 30, 1000} {
		ts, loop, sinks := audience(t, members)
		m := Message{wsproto.Binary, make([]byte, 1000)}
		// The stage posts to a slice.
		loop.posted = make([]func(), 0, 1<<20)
		once := func() {
			ts.Publish("x", m)
			for loop.step() {
			}
		}
		once()
		got := testing.AllocsPerRun(100, once)
		if members == 1 {
			few = got
			require.LessOrEqual(t, got, 4.0)
		}
		require.LessOrEqual(t, got, few+1, "%d members", members)
		require.Equal(t, 102*1004, sinks[members-1].bytes)
	}
}
