package wsproto

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequest(t *testing.T) {
	q := Request{Target: "/chat?x=1", Host: "server.example.com", Protocols: []string{"chat", "superchat"}, Deflate: &Params{ClientMaxWindowBits: 15}}
	require.Equal(t, "GET /chat?x=1 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: "+goodKey+"\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
		string(q.Append(nil, [16]byte([]byte("the sample nonce")))))
}

type answerCase struct {
	name     string
	status   int
	fields   [][2]string
	want     error
	protocol string
}

// answers returns them with the request that they answer.
func answers() (*Request, []answerCase) {
	q := &Request{Target: "/", Host: "h", Protocols: []string{"a", "b"}}
	q.Append(nil, [16]byte{1})
	change := func(changes ...string) (fields [][2]string) {
		fields = answerTo(q)
		for _, c := range changes {
			name, value, _ := strings.Cut(c, ": ")
			changed := false
			for i := range fields {
				if fields[i][0] == name {
					fields[i][1], changed = value, true
				}
			}
			if !changed {
				fields = append(fields, [2]string{strings.TrimPrefix(name, "+"), value})
			}
		}
		return fields
	}
	return q, []answerCase{
		{"good", 101, change(), nil, ""},
		{"protocol", 101, change("+Sec-WebSocket-Protocol: b"), nil, "b"},
		{"not 101", 200, change(), ErrAnswerStatus, ""},
		{"no upgrade", 101, change("Upgrade: h2c"), ErrAnswerFields, ""},
		{"another upgrade before", 101, append([][2]string{{"Upgrade", "h2c"}}, change()...), ErrAnswerFields, ""},
		{"another upgrade behind", 101, change("+Upgrade: h2c"), ErrAnswerFields, ""},
		{"no connection", 101, change("Connection: close"), ErrAnswerFields, ""},
		{"another accept", 101, change("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), ErrAnswerAccept, ""},
		{"two accepts", 101, change("+Sec-WebSocket-Accept: " + answerTo(q)[2][1]), ErrAnswerAccept, ""},
		{"a protocol nobody asked for", 101, change("+Sec-WebSocket-Protocol: c"), ErrAnswerProto, ""},
		{"an empty protocol", 101, change("+Sec-WebSocket-Protocol: "), ErrAnswerProto, ""},
		{"two protocols", 101, change("+Sec-WebSocket-Protocol: a", "+Sec-WebSocket-Protocol: b"), ErrAnswerProto, ""},
		{"two protocols in one", 101, change("+Sec-WebSocket-Protocol: a, b"), ErrAnswerProto, ""},
		{"an extension nobody asked for", 101, change("+Sec-WebSocket-Extensions: permessage-deflate"), ErrAnswerExt, ""},
	}
}

func answerOf(fields [][2]string) (a Answer) {
	for _, f := range fields {
		a.Field([]byte(f[0]), []byte(f[1]))
	}
	return a
}

func TestAnswer(t *testing.T) {
	q, cases := answers()
	for _, c := range cases {
		a := answerOf(c.fields)
		protocol, agreed, err := a.Check(q, c.status)
		if c.want != nil {
			require.Equal(t, c.want, err, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.Equal(t, c.protocol, protocol)
		require.Nil(t, agreed)
	}
}
