package wsproto

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWriter: the frames of RFC 6455, section 5.7, and of RFC 7692, section 7.2.3.
func TestWriter(t *testing.T) {
	server := NewWriter(nil)
	client := NewClientWriter(nil, func() uint32 { return 0x3d21fa37 })
	require.Equal(t, "\x81\x05Hello", string(server.Message(nil, Text, []byte("Hello"))))
	require.Equal(t, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", string(client.Message(nil, Text, []byte("Hello"))))
	out := server.Fragment(nil, Text, false, []byte("Hel"))
	require.Equal(t, "\x01\x03Hel\x80\x02lo", string(server.Fragment(out, Text, true, []byte("lo"))))
	out, err := server.Ping(nil, []byte("Hello"))
	require.NoError(t, err)
	require.Equal(t, "\x89\x05Hello", string(out))
	out, err = client.Pong([]byte("before"), []byte("Hello"))
	require.NoError(t, err)
	require.Equal(t, "before\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", string(out))
	require.Equal(t, "\x82\x7e\x01\x00", string(server.Message(nil, Binary, make([]byte, 256))[:4]))
	require.Equal(t, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", string(server.Message(nil, Binary, make([]byte, 65536))[:10]))
}

func TestWriterClose(t *testing.T) {
	w := NewWriter(nil)
	for _, c := range []struct {
		code   CloseCode
		reason string
		want   string
	}{
		{NormalClosure, "", "\x88\x02\x03\xe8"},
		{GoingAway, "bye", "\x88\x05\x03\xe9bye"},
		{NoStatus, "", "\x88\x00"},
		{4999, strings.Repeat("r", 123), "\x88\x7d\x13\x87" + strings.Repeat("r", 123)},
		{4999, strings.Repeat("r", 200), "\x88\x7d\x13\x87" + strings.Repeat("r", 123)},
		{4999, strings.Repeat("r", 121) + "€€", "\x88\x7b\x13\x87" + strings.Repeat("r", 121)},
		{4999, strings.Repeat("r", 120) + "€€", "\x88\x7d\x13\x87" + strings.Repeat("r", 120) + "€"},
	} {
		out, err := w.Close(nil, c.code, c.reason)
		require.NoError(t, err)
		require.Equal(t, c.want, string(out))
	}
	for _, code := range []CloseCode{0, 1004, Abnormal, TLSHandshake, 2000, 5000} {
		_, err := w.Close(nil, code, "")
		require.Equal(t, ErrUnsendable, err)
	}
	_, err := w.Close(nil, NoStatus, "reason")
	require.Equal(t, ErrUnsendable, err)
	_, err = w.Close(nil, NormalClosure, "\xff")
	require.Equal(t, ErrUnsendable, err)
	_, err = w.Ping(nil, make([]byte, 126))
	require.Equal(t, ErrControlPayload, err)
	_, err = w.Pong(nil, make([]byte, 126))
	require.Equal(t, ErrControlPayload, err)
	_, err = w.Ping(nil, make([]byte, 125))
	require.NoError(t, err)
}

// TestWriterReader: what a Writer writes, the Reader on the other side understands; messages are left as they were.
func TestWriterReader(t *testing.T) {
	key := uint32(0x01020304)
	keys := func() uint32 { key = key*1664525 + 1013904223; return key }
	for _, role := range []Role{Server, Client} {
		for _, agreed := range []*Params{nil, {}, {ServerNoContextTakeover: true, ClientNoContextTakeover: true}, {ServerMaxWindowBits: 8, ClientMaxWindowBits: 8}} {
			var d *Deflater
			var i *Inflater
			if agreed != nil {
				d, i = NewDeflater(role, *agreed, 1), NewInflater(1-role, *agreed)
			}
			w := NewWriter(d)
			if role == Client {
				w = NewClientWriter(d, keys)
			}
			r := NewReader(NewReaderConfig(1-role, Limits{}, nil), i)
			var out []byte
			var want []string
			for _, n := range []int{0, 1, 125, 126, 127, 128, 129, 500, 65535, 65536, 70_000} {
				message := prose(n)
				before := bytes.Clone(message)
				out = w.Message(out, Text, message)
				require.Equal(t, before, message)
				out = w.Fragment(out, Binary, false, message[:n/3])
				out, _ = w.Ping(out, []byte("p"))
				out = w.Fragment(out, 0, false, message[n/3:n/2])
				out = w.Fragment(out, 0, true, message[n/2:])
				require.Equal(t, before, message)
				want = append(want, "t"+string(message), "p", "b"+string(message))
			}
			out, _ = w.Close(out, NormalClosure, "")
			var got []string
			for {
				e, n, err := r.Next(out)
				require.NoError(t, err)
				out = out[n:]
				if e.Opcode == Close {
					break
				}
				got = append(got, map[Opcode]string{Text: "t", Binary: "b"}[e.Opcode]+string(e.Payload))
			}
			require.Equal(t, want, got)
		}
	}
}
