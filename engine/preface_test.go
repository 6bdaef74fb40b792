package engine

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// takeOver is a server whose HTTP/2 connections come to got.
func takeOver(got *[]net.Conn) *Server {
	return &Server{Handler: echo(100), Preface: func(c *Conn, nc net.Conn) { *got = append(*got, nc) }}
}

// A preface is recognized however it is cut, and nothing of what follows it is lost.
func TestPrefaceSplit(t *testing.T) {
	const in = preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for _, own := range []bool{false, true} {
		check := func(pieces ...string) {
			var got []net.Conn
			var states []ConnState
			s := takeOver(&got)
			s.Hooks.State = func(_ *Conn, s ConnState) { states = append(states, s) }
			sc := newScript(s, pieces...)
			sc.own = own
			require.Equal(t, transport.Gone, sc.play(), "%q", pieces)
			require.Len(t, got, 1)
			begin := got[0].(*begunConn).begin
			if rest := strings.Join(sc.pieces, ""); string(begin)+rest != in || len(begin) < len(preface) {
				t.Fatalf("%q: handed over %q, not read %q", pieces, begin, rest)
			}
			require.Empty(t, states)
			require.Empty(t, sc.sent.String())
			require.False(t, sc.begun)
			require.Equal(t, Counters{Accepted: 1, Hijacked: 1}, s.Counters())
		}
		for i := range len(in) + 1 {
			check(in[:i], in[i:])
		}
		check(strings.Split(in, "")...)
	}
}

// Whatever is no preface is answered as by a server that knows of none, at once.
func TestNoPreface(t *testing.T) {
	for _, tt := range sessions {
		var got []net.Conn
		s := takeOver(&got)
		s.HeadBytesMax = 512
		for i := range len(tt.in) + 1 {
			sc := newScript(s, tt.in[:i], tt.in[i:])
			sc.eof = true
			require.Equal(t, tt.next, sc.play(), tt.name)
			require.Equal(t, tt.out, sc.sent.String(), tt.name)
		}
		require.Empty(t, got)
	}
	for i := range preface {
		in := preface[:i] + "x\r\n\r\n\r\n"
		var got []net.Conn
		with, without := newScript(takeOver(&got), in), newScript(&Server{Handler: echo(100)}, in)
		require.Equal(t, without.play(), with.play(), "%q", in)
		require.Equal(t, without.sent.String(), with.sent.String(), "%q", in)
		require.Empty(t, got)
	}
}

// A preface that is not first is none.
func TestPrefaceLater(t *testing.T) {
	var got []net.Conn
	in := "GET / HTTP/1.1\r\nHost: h\r\n\r\n" + preface
	with, without := newScript(takeOver(&got), in), newScript(&Server{Handler: echo(100)}, in)
	require.Equal(t, without.play(), with.play())
	require.Equal(t, without.sent.String(), with.sent.String())
	require.Empty(t, got)
}

func TestPrefaceOnly(t *testing.T) {
	for in, next := range map[string]transport.Next{
		preface:                     transport.Gone,
		preface[:10]:                transport.Read,
		preface[:10] + "x":          transport.Close,
		"GET / HTTP/1.1\r\n\r\n":    transport.Close,
		"PRI * HTTP/2.0\r\n\r\nXX":  transport.Close,
		"\r\n" + preface:            transport.Close,
		"\x16\x03\x01 no cleartext": transport.Close,
	} {
		var got []net.Conn
		s := takeOver(&got)
		s.PrefaceOnly = true
		sc := newScript(s, in)
		require.Equal(t, next, sc.play(), "%q", in)
		require.Empty(t, sc.sent.String())
		require.Equal(t, next == transport.Gone, len(got) == 1)
	}
	s := &Server{Handler: echo(100), PrefaceOnly: true}
	require.Equal(t, transport.Close, newScript(s, preface).play())
}

// A transport that cannot give its connections away ends them, and says why.
func TestPrefaceWithoutHijack(t *testing.T) {
	var got []net.Conn
	var log string
	s := takeOver(&got)
	s.Logf = func(format string, args ...any) { log = format }
	sc := newScript(s, preface)
	sc.session = func() transport.Session {
		c := (*Conn)(sc.session.(*session))
		c.conn = noHijack{sc}
		return (*session)(c)
	}()
	require.Equal(t, transport.Close, sc.play())
	require.Contains(t, log, "HTTP/2")
	require.Empty(t, got)
	require.False(t, sc.begun)
}

type noHijack struct{ *script }

func (noHijack) Hijack(*transport.Turn) (net.Conn, error) { return nil, errors.ErrUnsupported }

func TestBegunConn(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	go func() {
		io.WriteString(b, "later")
		b.Close()
	}()
	c := &begunConn{Conn: a, begin: []byte("before ")}
	p := make([]byte, 3)
	n, err := c.Read(p)
	require.NoError(t, err)
	require.Equal(t, "bef", string(p[:n]))
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "ore later", string(rest))
	require.Equal(t, a, c.NetConn())
}
