package proxy

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// cuts yields where to cut a text: everywhere, or for long ones at both ends and now and then in between.
func cuts(text string) (at []int) {
	for i := range len(text) + 1 {
		if i < 250 || i > len(text)-50 || i%97 == 0 {
			at = append(at, i)
		}
	}
	return at
}

// Every header, cut in two at every place, with a request behind it, and byte by byte.
func TestSplitGood(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	for _, c := range good {
		judged := func(r *run, what string, at int) {
			require.NotNil(t, r.inner, "%s, %s, %d", c.name, what, at)
			require.Equal(t, request, r.inner.in)
			if c.remote != "" {
				require.Equal(t, c.remote, r.inner.conn.RemoteAddr().String())
				require.Equal(t, c.local, r.inner.conn.LocalAddr().String())
			} else {
				require.Equal(t, "127.0.0.1:4000", r.inner.conn.RemoteAddr().String())
				require.Equal(t, "127.0.0.1:80", r.inner.conn.LocalAddr().String())
			}
			require.Zero(t, r.conn.readBy, "the deadline is over")
			require.Empty(t, r.log.lines())
		}
		text := c.header + request
		for _, at := range cuts(text) {
			r := start(t, local, Config{Trusted: loopback})
			require.Equal(t, transport.Read, r.feed(text[:at], false))
			require.Equal(t, at < len(c.header), r.inner == nil, "%s, %d", c.name, at)
			require.Equal(t, transport.Read, r.feed(text[at:], false))
			judged(r, "loop", at)

			nc, lines := accept(t, Config{Trusted: loopback}, &pieces{peer: local, in: []string{text[:at], text[at:]}})
			in, err := io.ReadAll(nc)
			require.NoError(t, err, "%s, %d", c.name, at)
			require.Equal(t, request, string(in))
			remote := c.remote
			if remote == "" {
				remote = "127.0.0.1:4000"
			}
			require.Equal(t, remote, nc.RemoteAddr().String())
			require.Empty(t, lines.lines())
		}
		r := start(t, local, Config{Trusted: loopback})
		for i := range len(text) {
			require.Equal(t, transport.Read, r.feed(text[i:i+1], false))
		}
		judged(r, "bytes", 0)
		nc, _ := accept(t, Config{Trusted: loopback}, &pieces{peer: local, in: strings.Split(text, "")})
		in, err := io.ReadAll(nc)
		require.NoError(t, err)
		require.Equal(t, request, string(in))
	}
}

// Whatever is wrong with a beginning, wherever it is cut: the connection is closed, one line says why, and nobody has seen a
// byte of it.
func TestSplitBad(t *testing.T) {
	for _, c := range bad {
		for _, at := range cuts(c.in) {
			r := start(t, local, Config{Trusted: loopback})
			next := r.feed(c.in[:at], false)
			if next == transport.Read {
				next = r.feed(c.in[at:], false)
			}
			require.Equal(t, transport.Close, next, "%s, %d", c.name, at)
			require.Equal(t, transport.Close, r.feed("more", true))
			require.Nil(t, r.inner)
			require.Len(t, r.log.lines(), 1)
			require.Contains(t, r.log.lines()[0], c.why.Error())
			require.Contains(t, r.log.lines()[0], "remote=127.0.0.1:4000")

			p := &pieces{peer: local, in: []string{c.in[:at], c.in[at:]}}
			nc, lines := accept(t, Config{Trusted: loopback}, p)
			n, err := nc.Read(make([]byte, 10))
			require.Zero(t, n)
			require.ErrorIs(t, err, c.why)
			_, err = nc.Write([]byte("x"))
			require.ErrorIs(t, err, c.why)
			require.True(t, p.closed)
			require.Equal(t, "127.0.0.1:4000", nc.RemoteAddr().String())
			require.Len(t, lines.lines(), 1)
		}
	}
}

// A header that ends too early, at every place.
func TestSplitEnd(t *testing.T) {
	for _, c := range good {
		for _, at := range cuts(c.header) {
			r := start(t, local, Config{Trusted: loopback})
			next := r.feed(c.header[:at], true)
			p := &pieces{peer: local, in: []string{c.header[:at]}}
			nc, lines := accept(t, Config{Trusted: loopback}, p)
			_, err := nc.Read(make([]byte, 1))
			switch {
			case at == 0: // somebody looked whether we are there
				require.Equal(t, transport.Close, next)
				require.Nil(t, r.inner)
				require.Empty(t, r.log.lines())
				require.Equal(t, io.EOF, err)
				require.Empty(t, lines.lines())
			case at < len(c.header):
				require.Equal(t, transport.Close, next)
				require.Nil(t, r.inner)
				require.Contains(t, r.log.lines()[0], errCut.Error())
				require.ErrorIs(t, err, errCut)
				require.Len(t, lines.lines(), 1)
			default:
				require.Equal(t, transport.Read, next)
				require.True(t, r.inner.eof)
				require.Equal(t, io.EOF, err)
				require.Empty(t, append(r.log.lines(), lines.lines()...))
			}
		}
	}
}
