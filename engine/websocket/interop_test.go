package websocket_test

import (
	"bufio"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/adapters/nethttp/upgrade"
	"github.com/peregrine-http/peregrine/engine/native"
	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// The files interop_*_test.go try with our server what the test-suites of gorilla/websocket and coder/websocket try with theirs:
// their clients, in all their moods.

// compressions are what an Endpoint can offer.
var compressions = []struct {
	name string
	set  func(o *peregrine.Options)
}{
	{"plain", func(*peregrine.Options) {}},
	{"alone", func(o *peregrine.Options) { o.Compression = 1 }},
	{"takeover", func(o *peregrine.Options) { o.Compression, o.ContextTakeover = 6, true }},
}

// eachEcho calls check with echoes of all kinds. Messages of 16 MiB may be sent to them.
func eachEcho(t *testing.T, check func(t *testing.T, url, compression string)) {
	for _, transport := range transports {
		for style, o := range styles() {
			for _, c := range compressions {
				t.Run(transport+" "+style+" "+c.name, func(t *testing.T) {
					o.Limits = wsproto.Limits{MessageBytesMax: 16 << 20}
					c.set(&o)
					url, _ := serve(t, transport, peregrine.New(o))
					check(t, url+"interop", c.name)
				})
			}
		}
	}
}

// ending is what OnClose has been told.
type ending struct {
	code   wsproto.CloseCode
	reason string
}

// endings has an endpoint tell how its connections end.
func endings(o *peregrine.Options) <-chan ending {
	ended := make(chan ending, 1)
	o.OnClose = func(_ *peregrine.Conn, code wsproto.CloseCode, reason string) { ended <- ending{code, reason} }
	return ended
}

// doors are the two ways for a request to become a WebSocket.
func doors(t *testing.T, e *peregrine.Endpoint) map[string]net.Addr {
	rt := native.NewRouter()
	rt.Handle("/old", func(w *native.Response, r *native.Request) error { return w.Redirect(302, "/ws") })
	rt.Handle("/ws", func(w *native.Response, r *native.Request) error {
		if err := w.SetCookie(&native.Cookie{Name: "visits", Value: string(r.Cookie("visits")) + "I"}); err != nil {
			return err
		}
		return w.WebSocket(e, nil)
	})
	mux := http.NewServeMux()
	mux.Handle("/old", http.RedirectHandler("/ws", 302))
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		visits := "I"
		if c, err := r.Cookie("visits"); err == nil {
			visits = c.Value + "I"
		}
		http.SetCookie(w, &http.Cookie{Name: "visits", Value: visits})
		upgrade.WebSocket(w, r, e, nil)
	})
	return map[string]net.Addr{
		"native": listen(t, &native.Server{Router: rt}, native.ErrServerClosed), "net/http": listen(t, &nethttp.Server{Handler: mux}, http.ErrServerClosed),
	}
}

func listen(t *testing.T, s interface {
	Serve(net.Listener) error
	Close() error
}, end error) net.Addr {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		require.ErrorIs(t, <-done, end)
	})
	return l.Addr()
}

const key = "dGhlIHNhbXBsZSBub25jZQ=="

// TestHandshakes: which requests become WebSockets, through both doors, and what the others are told.
func TestHandshakes(t *testing.T) {
	e := peregrine.New(peregrine.Options{OnMessage: echo, Compression: 1, Subprotocols: []string{"echo2", "echo"}})
	type fields = map[string][]string
	with := func(changes fields) fields {
		f := fields{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-WebSocket-Version": {"13"}, "Sec-WebSocket-Key": {key}}
		for name, values := range changes {
			f[name] = values
		}
		return f
	}
	for _, c := range []struct {
		name      string
		method    string
		fields    fields
		status    int
		protocol  string
		extension string
	}{
		{"good", "GET", with(nil), 101, "", ""},
		{"in a list", "GET", with(fields{"Connection": {"keep-alive, Upgrade"}}), 101, "", ""},
		{"in two lines", "GET", with(fields{"Connection": {"keep-alive", "upgrade"}}), 101, "", ""},
		{"capitals", "GET", with(fields{"Upgrade": {"WebSocket"}}), 101, "", ""},
		{"spaces", "GET", with(fields{"Sec-WebSocket-Key": {"   " + key + "  "}}), 101, "", ""},
		{"no connection", "GET", with(fields{"Connection": {"keep-alive"}}), 400, "", ""},
		{"no upgrade", "GET", with(fields{"Upgrade": {"h2c"}}), 426, "", ""},
		{"post", "POST", with(nil), 405, "", ""},
		{"version", "GET", with(fields{"Sec-WebSocket-Version": {"14"}}), 426, "", ""},
		{"no key", "GET", with(fields{"Sec-WebSocket-Key": nil}), 400, "", ""},
		{"empty key", "GET", with(fields{"Sec-WebSocket-Key": {""}}), 400, "", ""},
		{"short key", "GET", with(fields{"Sec-WebSocket-Key": {"AAAAAAAAAAAAAAAAAAAA"}}), 400, "", ""},
		{"no base64", "GET", with(fields{"Sec-WebSocket-Key": {"notbase64"}}), 400, "", ""},
		{"two keys", "GET", with(fields{"Sec-WebSocket-Key": {key, key}}), 400, "", ""},

		{"our origin", "GET", with(fields{"Origin": {"http://example.com"}}), 101, "", ""},
		{"our Origin", "GET", with(fields{"Origin": {"https://examplE.com"}}), 101, "", ""},
		{"another", "GET", with(fields{"Origin": {"http://example.com.evil"}}), 403, "", ""},
		{"another port", "GET", with(fields{"Origin": {"http://example.com:81"}}), 403, "", ""},
		{"nonsense", "GET", with(fields{"Origin": {"$#)(*)$#@*$(#@*"}}), 403, "", ""},
		{"null", "GET", with(fields{"Origin": {"null"}}), 403, "", ""},

		{"protocol", "GET", with(fields{"Sec-WebSocket-Protocol": {"echo"}}), 101, "echo", ""},
		{"their first", "GET", with(fields{"Sec-WebSocket-Protocol": {"none, echo, echo2"}}), 101, "echo", ""},
		{"in two fields", "GET", with(fields{"Sec-WebSocket-Protocol": {"none", "echo2"}}), 101, "echo2", ""},
		{"not ours", "GET", with(fields{"Sec-WebSocket-Protocol": {"echo3, Echo"}}), 101, "", ""},

		{"deflate", "GET", with(fields{"Sec-WebSocket-Extensions": {"permessage-deflate; client_max_window_bits"}}), 101, "",
			"permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{"deflate parameter", "GET", with(fields{"Sec-WebSocket-Extensions": {"permessage-deflate; meow"}}), 101, "", ""},
		{"second offer", "GET", with(fields{"Sec-WebSocket-Extensions": {"permessage-deflate; meow, permessage-deflate"}}), 101, "",
			"permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{"other extension", "GET", with(fields{"Sec-WebSocket-Extensions": {"x-webkit-deflate-frame"}}), 101, "", ""},
	} {
		for door, addr := range doors(t, e) {
			t.Run(c.name+" "+door, func(t *testing.T) {
				request := c.method + " /ws HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n"
				if c.method == "GET" {
					request = "GET /ws HTTP/1.1\r\nHost: example.com\r\n"
				}
				for name, values := range c.fields {
					for _, v := range values {
						request += name + ": " + v + "\r\n"
					}
				}
				conn, err := net.Dial(addr.Network(), addr.String())
				require.NoError(t, err)
				defer conn.Close()
				require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
				_, err = conn.Write([]byte(request + "\r\n"))
				require.NoError(t, err)
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				require.Equal(t, c.status, res.StatusCode)
				require.Equal(t, c.protocol, res.Header.Get("Sec-WebSocket-Protocol"))
				require.Equal(t, c.extension, res.Header.Get("Sec-WebSocket-Extensions"))
				switch c.status {
				case 101:
					require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", res.Header.Get("Sec-WebSocket-Accept"))
				case 405:
					require.Equal(t, "GET", res.Header.Get("Allow"))
				case 426:
					require.Equal(t, "13", res.Header.Get("Sec-WebSocket-Version"))
				}
			})
		}
	}
}

// TestEager: a client that does not wait for the answer before it sends, and closes.
func TestEager(t *testing.T) {
	for door, addr := range doors(t, peregrine.New(peregrine.Options{OnMessage: echo})) {
		t.Run(door, func(t *testing.T) {
			conn, err := net.Dial(addr.Network(), addr.String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			_, err = conn.Write([]byte("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n\r\n" +
				"\x81\x82\x00\x00\x00\x00hi" + "\x88\x82\x00\x00\x00\x00\x03\xe8"))
			require.NoError(t, err)
			r := bufio.NewReader(conn)
			res, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			require.Equal(t, 101, res.StatusCode)
			got := make([]byte, 8)
			for i := range got {
				got[i], err = r.ReadByte()
				require.NoError(t, err)
			}
			require.Equal(t, "\x81\x02hi\x88\x02\x03\xe8", string(got))
			_, err = r.ReadByte()
			require.Error(t, err, "we close first (RFC 6455, section 7.1.1)")
		})
	}
}
