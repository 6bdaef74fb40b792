package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/wsproto"
)

// tape is a net.Conn that has something to read, and no more. It stands for a hijacked one, too.
type tape struct {
	net.Conn
	http.ResponseWriter
	in io.Reader
}

func (p tape) Read(b []byte) (int, error)       { return p.in.Read(b) }
func (p tape) Write(b []byte) (int, error)      { return len(b), nil }
func (p tape) Close() error                     { return nil }
func (p tape) SetDeadline(time.Time) error      { return nil }
func (p tape) SetReadDeadline(time.Time) error  { return nil }
func (p tape) SetWriteDeadline(time.Time) error { return nil }
func (p tape) Header() http.Header              { return http.Header{} }
func (p tape) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p, bufio.NewReadWriter(bufio.NewReader(p), bufio.NewWriter(p)), nil
}

// judged is what gorilla's reader makes of the same bytes.
func judged(in []byte, sizeMax int) (messages []string, code int) {
	r := httptest.NewRequest("GET", "/", nil)
	for name, value := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(name, value)
	}
	c, err := (&websocket.Upgrader{}).Upgrade(tape{in: bytes.NewReader(in)}, r, nil)
	if err != nil {
		panic(err)
	}
	c.SetReadLimit(int64(sizeMax))
	for {
		kind, m, err := c.ReadMessage()
		if err == nil {
			messages = append(messages, fmt.Sprintf("%d %s", kind, m))
			continue
		}
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			return messages, closed.Code
		}
		if errors.Is(err, websocket.ErrReadLimit) {
			return messages, 1009
		}
		return messages, 1002
	}
}

// FuzzSession gives bytes that follow a handshake, cut somewhere, to an endpoint, and to gorilla's reader. Where they disagree
// we are the stricter ones, and the rule says so. Neither style of handlers makes a difference, nor does the cut; there is one
// OnClose, and nothing stays in the queue.
func FuzzSession(f *testing.F) {
	plain, _ := recorded(nil)
	f.Add(plain, uint16(0))
	f.Add(plain, uint16(77))
	frame := func(h wsproto.Header, payload string) string {
		h.Masked, h.Length = true, int64(len(payload))
		return string(append(wsproto.AppendHeader(nil, h), payload...)) // with a key of zero
	}
	whole := func(op wsproto.Opcode, payload string) string {
		return frame(wsproto.Header{Fin: true, Opcode: op}, payload)
	}
	for _, s := range []string{
		"", "\x81", whole(wsproto.Text, "a") + whole(wsproto.Close, ""), whole(wsproto.Close, "\x03\xe8bye") + whole(wsproto.Text, "late"),
		whole(wsproto.Close, "\x03"), whole(wsproto.Close, "\x03\xed"), whole(wsproto.Close, "\x03\xe8\xff"), whole(wsproto.Text, "\xff"),
		whole(wsproto.Ping, strings.Repeat("x", 125)), whole(wsproto.Ping, strings.Repeat("x", 126)), whole(wsproto.Continuation, "x"),
		whole(3, ""), whole(11, ""), "\x81\x01a", "\xc1\x81\x00\x00\x00\x00a", "\x81\xfe\x00\x01\x00\x00\x00\x00a",
		"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x82\xff\x00\x00\x00\x00\x00\x00\x10\x01\x00\x00\x00\x00",
		frame(wsproto.Header{Opcode: wsproto.Text}, "a") + whole(wsproto.Ping, "p") + whole(wsproto.Continuation, "b"),
		frame(wsproto.Header{Opcode: wsproto.Text}, "a") + whole(wsproto.Text, "b"), frame(wsproto.Header{Opcode: wsproto.Ping}, ""),
		frame(wsproto.Header{Opcode: wsproto.Binary}, strings.Repeat("x", 4000)) + whole(wsproto.Continuation, strings.Repeat("x", 97)),
	} {
		f.Add([]byte(s), uint16(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		const sizeMax = 4096
		if len(in) > 1<<16 {
			return
		}
		at := min(int(cut), len(in))
		o := Options{ControlsMax: 60_000, Limits: wsproto.Limits{MessageBytesMax: sizeMax}}
		ours := play(o, false, nil, in[:at], in[at:])
		require.Equal(t, 1, ours.closes)
		require.False(t, ours.queued)
		for _, other := range []played{play(o, true, nil, in[:at], in[at:]), play(o, false, nil, in)} {
			require.Equal(t, ours, other)
		}
		messages, code := judged(in, sizeMax)
		switch ours.rule {
		case "length-not-minimal", "length-overflow", "text-utf8": // of no interest to gorilla, or later
			require.LessOrEqual(t, len(ours.messages), len(messages))
			messages = messages[:len(ours.messages)]
		case "close-size":
			require.Equal(t, 1005, code)
		case "close-reason-utf8":
			require.Equal(t, 1002, code)
		case "": // gorilla judges the beginning of a header that does not come whole
			require.True(t, code == int(ours.code) || ours.code == wsproto.Abnormal, code)
		default:
			require.Equal(t, code, int(ours.code), ours.rule)
		}
		require.Equal(t, strings.Join(messages, "\n"), strings.Join(ours.messages, "\n"))
	})
}
