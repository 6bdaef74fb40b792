package wsproto

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const goodKey = "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455, section 1.3

// request makes the fields of a good request, with some changed ("Name: value"), added ("+Name: value") or left out ("-Name").
func request(changes ...string) (fields [][2]string) {
	fields = [][2]string{
		{"Host", "example.com"}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"},
		{"Sec-WebSocket-Key", goodKey}, {"Sec-WebSocket-Version", "13"},
	}
	for _, c := range changes {
		name, value, _ := strings.Cut(c, ": ")
		if add, ok := strings.CutPrefix(name, "+"); ok {
			fields = append(fields, [2]string{add, value})
			continue
		}
		for i := range fields {
			if fields[i][0] == strings.TrimPrefix(name, "-") {
				fields[i][1] = value
				if name[0] == '-' {
					fields = append(fields[:i], fields[i+1:]...)
					break
				}
			}
		}
	}
	return fields
}

func openingOf(fields [][2]string) (o Opening) {
	for _, f := range fields {
		o.Field([]byte(f[0]), []byte(f[1]))
	}
	return o
}

var openings = []struct {
	name          string
	method, proto string
	fields        [][2]string
	want          error
}{
	{"good", "GET", "HTTP/1.1", request(), nil},
	{"names in any case", "GET", "HTTP/1.1", [][2]string{{"hOST", "x"}, {"UPGRADE", "WebSocket"}, {"connection", "keep-alive, UPGRADE"}, {"sec-websocket-key", goodKey}, {"SEC-WEBSOCKET-VERSION", "13"}}, nil},
	{"connection on two lines", "GET", "HTTP/1.1", request("Connection: keep-alive", "+Connection: upgrade"), nil},
	{"upgrade to one of two", "GET", "HTTP/1.1", request("Upgrade: h2c, websocket"), nil},
	{"upgrade with versions", "GET", "HTTP/1.1", request("Upgrade: h2c/1 , WEBSOCKET,,foo/2.0"), nil},
	{"upgrade on two lines", "GET", "HTTP/1.1", request("Upgrade: h2c/1", "+Upgrade: WebSocket"), nil},
	{"origin", "GET", "HTTP/1.1", request("+Origin: https://anywhere"), nil},
	{"length of nothing", "GET", "HTTP/1.1", request("+Content-Length: 0"), nil},
	{"lists with holes", "GET", "HTTP/1.1", request("+Sec-WebSocket-Protocol: , a ,,\tb,", "+Sec-WebSocket-Extensions: ,"), nil},
	{"unknown extensions", "GET", "HTTP/1.1", request(`+Sec-WebSocket-Extensions: x; a; b=1 ;c="d", y ,permessage-deflate;q=8`), nil},

	{"POST", "POST", "HTTP/1.1", request(), ErrMethod},
	{"get", "get", "HTTP/1.1", request(), ErrMethod},
	{"HTTP/1.0", "GET", "HTTP/1.0", request(), ErrProto},
	{"no host", "GET", "HTTP/1.1", request("-Host"), ErrHost},
	{"two hosts", "GET", "HTTP/1.1", request("+Host: b"), ErrHost},
	{"no upgrade", "GET", "HTTP/1.1", request("-Upgrade"), ErrUpgrade},
	{"upgrade to something else", "GET", "HTTP/1.1", request("Upgrade: websockets"), ErrUpgrade},
	{"upgrade that is no list", "GET", "HTTP/1.1", request("Upgrade: websocket @"), ErrUpgrade},
	{"upgrade to a version of websocket", "GET", "HTTP/1.1", request("Upgrade: websocket/13"), ErrUpgrade},
	{"upgrade with an empty version", "GET", "HTTP/1.1", request("Upgrade: h2c/, websocket"), ErrUpgrade},
	{"upgrade to nothing with a version", "GET", "HTTP/1.1", request("Upgrade: /1, websocket"), ErrUpgrade},
	{"upgrade with two versions", "GET", "HTTP/1.1", request("Upgrade: h2c/1/2, websocket"), ErrUpgrade},
	{"upgrade with a parameter", "GET", "HTTP/1.1", request("Upgrade: websocket;a=1"), ErrUpgrade},
	{"no connection", "GET", "HTTP/1.1", request("-Connection"), ErrConnection},
	{"connection close", "GET", "HTTP/1.1", request("Connection: close"), ErrConnection},
	{"connection with a parameter", "GET", "HTTP/1.1", request("Connection: upgrade;a=1"), ErrConnection},
	{"connection with a version", "GET", "HTTP/1.1", request("Connection: a/1, upgrade"), ErrConnection},
	{"two origins", "GET", "HTTP/1.1", request("+Origin: https://evil", "+Origin: https://example.com"), ErrOrigin},
	{"no version", "GET", "HTTP/1.1", request("-Sec-WebSocket-Version"), ErrVersion},
	{"version 8", "GET", "HTTP/1.1", request("Sec-WebSocket-Version: 8"), ErrVersion},
	{"version 013", "GET", "HTTP/1.1", request("Sec-WebSocket-Version: 013"), ErrVersion},
	{"two versions", "GET", "HTTP/1.1", request("+Sec-WebSocket-Version: 13"), ErrVersion},
	{"no key", "GET", "HTTP/1.1", request("-Sec-WebSocket-Key"), ErrKey},
	{"two keys", "GET", "HTTP/1.1", request("+Sec-WebSocket-Key: " + goodKey), ErrKey},
	{"empty key", "GET", "HTTP/1.1", request("Sec-WebSocket-Key: "), ErrKey},
	{"key of 15 bytes", "GET", "HTTP/1.1", request("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4P"), ErrKey},
	{"key of 17 bytes", "GET", "HTTP/1.1", request("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEBE="), ErrKey},
	{"key of 18 bytes", "GET", "HTTP/1.1", request("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEBES"), ErrKey},
	{"key that is no base64", "GET", "HTTP/1.1", request("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!=="), ErrKey},
	{"body", "GET", "HTTP/1.1", request("+Content-Length: 3"), ErrBody},
	{"chunked", "GET", "HTTP/1.1", request("+Transfer-Encoding: chunked"), ErrBody},
	{"protocol twice", "GET", "HTTP/1.1", request("+Sec-WebSocket-Protocol: a, b, a"), ErrProtocolList},
	{"protocol twice, on two lines", "GET", "HTTP/1.1", request("+Sec-WebSocket-Protocol: a", "+Sec-WebSocket-Protocol: a"), ErrProtocolList},
	{"protocol with a space", "GET", "HTTP/1.1", request("+Sec-WebSocket-Protocol: a b"), ErrProtocolList},
	{"protocol with a parameter", "GET", "HTTP/1.1", request("+Sec-WebSocket-Protocol: a;b"), ErrProtocolList},
	{"protocols without end", "GET", "HTTP/1.1", request("+Sec-WebSocket-Protocol: " + manyTokens(65)), ErrProtocolList},
	{"extension without name", "GET", "HTTP/1.1", request("+Sec-WebSocket-Extensions: ;a"), ErrExtList},
	{"extension with an empty parameter", "GET", "HTTP/1.1", request("+Sec-WebSocket-Extensions: x;"), ErrExtList},
	{"extension with an empty value", "GET", "HTTP/1.1", request("+Sec-WebSocket-Extensions: x;a="), ErrExtList},
	{"extension with an open quote", "GET", "HTTP/1.1", request(`+Sec-WebSocket-Extensions: x;a="b`), ErrExtList},
	{"extension with nothing in quotes", "GET", "HTTP/1.1", request(`+Sec-WebSocket-Extensions: x;a=""`), ErrExtList},
	{"extension with a list in quotes", "GET", "HTTP/1.1", request(`+Sec-WebSocket-Extensions: x;a="b,c"`), ErrExtList},
	{"extensions without a comma", "GET", "HTTP/1.1", request("+Sec-WebSocket-Extensions: x y"), ErrExtList},
}

func manyTokens(n int) string {
	var s strings.Builder
	for i := range n {
		s.WriteString(string(rune('a'+i%26)) + string(rune('a'+i/26)) + ",")
	}
	return s.String()
}

func TestOpening(t *testing.T) {
	for _, c := range openings {
		o := openingOf(c.fields)
		err := o.Check([]byte(c.method), []byte(c.proto))
		if c.want == nil {
			require.NoError(t, err, c.name)
		} else {
			require.Equal(t, c.want, err, c.name)
			require.GreaterOrEqual(t, err.(*Error).Status, 400)
		}
	}
}

func TestProtocol(t *testing.T) {
	o := openingOf(request("+Sec-WebSocket-Protocol: chat, superchat", "+Sec-WebSocket-Protocol: soap"))
	require.Equal(t, "chat", o.Protocol("soap", "chat"), "the client's order counts")
	require.Equal(t, "soap", o.Protocol("Chat", "soap"), "case counts")
	require.Equal(t, "", o.Protocol("other"))
	require.Equal(t, "", o.Protocol())
}

func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		host, origin string
		want         error
	}{
		{"example.com", "https://example.com", nil},
		{"Example.com:8080", "http://example.COM:8080", nil},
		{"example.com:8080", "http://example.com", ErrOrigin},
		{"example.com", "https://evil.example.com", ErrOrigin},
		{"example.com", "https://example.com.evil", ErrOrigin},
		{"example.com", "null", ErrOrigin},
		{"example.com", "NULL", ErrOrigin},
		{"example.com", "", ErrOrigin},
		{"", "", ErrOrigin},
		{"", "https://", ErrOrigin},
		{"example.com", "example.com", ErrOrigin},
		{"example.com", "https://example.com, https://evil", ErrOrigin},
		{"example.com", "https://example.com/", ErrOrigin},
		{"example.com", "https://example.com/path", ErrOrigin},
		{"example.com", "https://example.com https://example.com", ErrOrigin},
		{"example.com", "https://user@example.com", ErrOrigin},
		{"example.com", "://example.com", ErrOrigin},
	} {
		o := openingOf([][2]string{{"Host", c.host}, {"Origin", c.origin}})
		require.Equal(t, c.origin, string(o.Origin()))
		require.Equal(t, c.want, o.CheckOrigin(), c.origin)
		if c.host != "" {
			o = openingOf([][2]string{{"Host", "other.example.com"}, {"Origin", c.origin}})
			require.Equal(t, c.want, o.CheckOrigin("a.example.com", c.host), "one rule, wherever the host comes from: %s", c.origin)
			require.Equal(t, ErrOrigin, o.CheckOrigin("a.example.com"))
		}
	}
	o := openingOf(request())
	require.Nil(t, o.Origin())
	require.NoError(t, o.CheckOrigin(), "no page asks")
	o.Field([]byte("ORIGIN"), nil)
	require.NotNil(t, o.Origin(), "an empty field is one")
	require.Equal(t, ErrOrigin, o.CheckOrigin())
	for _, two := range [][2]string{{"https://evil", "https://example.com"}, {"https://example.com", "https://evil"}, {"https://example.com", "https://example.com"}} {
		o := openingOf(request("+Origin: "+two[0], "+Origin: "+two[1]))
		require.Equal(t, ErrOrigin, o.CheckOrigin(), two)
	}
}

func TestAppendAnswer(t *testing.T) {
	o := openingOf(request())
	require.NoError(t, o.Check([]byte("GET"), []byte("HTTP/1.1")))
	const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	require.Equal(t, head, string(o.AppendAnswer(nil, "", nil)))
	require.Equal(t, head+"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=15\r\n",
		string(o.AppendAnswer(nil, "chat", &Params{ServerNoContextTakeover: true, ClientMaxWindowBits: 15})))
}
