package websocket_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/adapters/nethttp/upgrade"
	"github.com/peregrine-http/peregrine/engine/native"
	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// ask sends a request as it stands and returns the answer.
func ask(t *testing.T, addr, request string) (*http.Response, string) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(nc, request)
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	require.NoError(t, err)
	if resp.StatusCode == 101 {
		return resp, ""
	}
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

// TestOrigins: whose pages may connect.
func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		origins []string
		origin  string // "-": none
		status  int
	}{
		{nil, "-", 101},
		{nil, "http://HOST", 101},
		{nil, "https://HOST", 101},
		{nil, "http://example.com", 403},
		{nil, "http://HOST.example.com", 403},
		{nil, "null", 403},
		{nil, "", 403},
		{[]string{"example.com"}, "-", 101},
		{[]string{"example.com"}, "https://EXAMPLE.com", 101},
		{[]string{"a.example.com", "example.com:8080"}, "http://example.com:8080", 101},
		{[]string{"example.com"}, "http://example.com:8080", 403},
		{[]string{"example.com"}, "http://HOST", 403},
		{[]string{"example.com"}, "https://example.com.evil.com", 403},
		{[]string{"example.com"}, "https://evil.com?example.com", 403},
		{[]string{"example.com"}, "example.com", 403},
		{[]string{"example.com"}, "https://example.com/path", 403},
		{nil, "https://HOST/path", 403},
		{[]string{"example.com"}, "null", 403},
		{[]string{"example.com"}, "", 403},
		{[]string{"example.com"}, "%", 403},
		{[]string{"*"}, "http://example.com", 101},
		{[]string{"*"}, "null", 101},
		{[]string{"*"}, "", 101},
		{[]string{"*"}, "-", 101},
	} {
		e := peregrine.New(peregrine.Options{Origins: c.origins})
		for door, addr := range doors(t, e) {
			_, request := handshake("ws://" + addr.String() + "/ws")
			if c.origin != "-" {
				_, request = handshake("ws://"+addr.String()+"/ws", "Origin: "+strings.ReplaceAll(c.origin, "HOST", addr.String()))
			}
			resp, body := ask(t, addr.String(), request)
			require.Equal(t, c.status, resp.StatusCode, "%v %q %s", c.origins, c.origin, door)
			if c.status == 403 && door == "net/http" {
				require.Contains(t, body, "handshake-origin")
			}
		}
	}
}

// TestRefusals: what is not a matter of the endpoint's interop tests.
func TestRefusals(t *testing.T) {
	e := peregrine.New(peregrine.Options{})
	for door, addr := range doors(t, e) {
		t.Run(door, func(t *testing.T) {
			_, request := handshake("ws://" + addr.String() + "/ws")
			for _, c := range []struct {
				old, new string
				status   int
			}{
				{"HTTP/1.1", "HTTP/1.0", 400},
				{"\r\nUpgrade: websocket", "", 426},
				{"Version: 13", "Version: 8", 426},
				{"\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx", 400},
				{"\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
				{"\r\n\r\n", "\r\nSec-WebSocket-Protocol: a, a\r\n\r\n", 400},
				{"\r\n\r\n", "\r\nSec-WebSocket-Extensions: ;\r\n\r\n", 400},
			} {
				resp, _ := ask(t, addr.String(), strings.Replace(request, c.old, c.new, 1))
				require.Equal(t, c.status, resp.StatusCode, c.new)
				if c.status == 426 {
					require.Equal(t, "13", resp.Header.Get("Sec-WebSocket-Version"))
					require.Equal(t, "websocket", resp.Header.Get("Upgrade"))
				}
			}
		})
	}
	require.EqualValues(t, 14, e.Counters().Refused)
	require.Zero(t, e.Counters().Opened)
}

// TestBehindMiddleware: what a handler and what is around it decide, set, and know holds for the WebSocket, and the answer.
func TestBehindMiddleware(t *testing.T) {
	e := peregrine.New(peregrine.Options{OnOpen: func(c *peregrine.Conn) { c.SendText(c.Value().(string)) }})
	rt := native.NewRouter()
	rt.Use(func(next native.Handler) native.Handler {
		return func(w *native.Response, r *native.Request) error {
			w.Set("X-Around", "middleware")
			if string(r.Header("Authorization")) != "Basic good" {
				return native.Errorf(401, "password")
			}
			return next(w, r)
		}
	})
	rt.Handle("GET /rooms/{room}", func(w *native.Response, r *native.Request) error {
		w.SetCookie(&native.Cookie{Name: "seen", Value: "1"})
		return w.WebSocket(e, string(r.Param("room")))
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
		upgrade.WebSocket(w, r, e, r.PathValue("room"))
	})
	around := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Around", "middleware")
		if r.Header.Get("Authorization") != "Basic good" {
			http.Error(w, "password", 401)
			return
		}
		mux.ServeHTTP(wrapped{wrapped{w}}, r)
	})
	for door, addr := range map[string]net.Addr{
		"native":   listen(t, &native.Server{Router: rt}, native.ErrServerClosed),
		"net/http": listen(t, &nethttp.Server{Handler: around}, http.ErrServerClosed),
	} {
		t.Run(door, func(t *testing.T) {
			url := "ws://" + addr.String() + "/rooms/green"
			_, request := handshake(url)
			resp, body := ask(t, addr.String(), request)
			require.Equal(t, 401, resp.StatusCode)
			require.Contains(t, body, "password")

			_, request = handshake(url, "Authorization: Basic good")
			resp, _ = ask(t, addr.String(), request)
			require.Equal(t, 101, resp.StatusCode)
			require.Equal(t, "middleware", resp.Header.Get("X-Around"))
			require.Len(t, resp.Cookies(), 1)
			require.Empty(t, resp.Header.Values("Content-Type"))
			require.Empty(t, resp.Header.Values("Content-Length"))

			c, _, err := squeezer.Dial(url, http.Header{"Authorization": {"Basic good"}})
			require.NoError(t, err)
			defer c.Close()
			_, m, err := c.ReadMessage()
			require.NoError(t, err)
			require.Equal(t, "green", string(m))
		})
	}
}

// TestFieldsOfTheAnswer: what handlers and middleware set of the fields that are the handshake's own does not stand beside
// them: a client that finds two of them breaks off.
func TestFieldsOfTheAnswer(t *testing.T) {
	e := peregrine.New(peregrine.Options{Subprotocols: []string{"echo"}})
	set := [][2]string{{"Connection", "close"}, {"Upgrade", "h2c"}, {"Sec-WebSocket-Protocol", "echo"}, {"sec-websocket-accept", "x"},
		{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}, {"Content-Type", "text/plain"}, {"X-Other", "stays"}}
	rt := native.NewRouter()
	rt.Handle("GET /ws", func(w *native.Response, r *native.Request) error {
		for _, f := range set {
			if f[0] != "Transfer-Encoding" { // which is not for handlers to set
				w.Set(f[0], f[1])
			}
		}
		return w.WebSocket(e, nil)
	})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, f := range set {
			w.Header().Set(f[0], f[1])
		}
		upgrade.WebSocket(w, r, e, nil)
	})
	for door, addr := range map[string]net.Addr{
		"native":   listen(t, &native.Server{Router: rt}, native.ErrServerClosed),
		"net/http": listen(t, &nethttp.Server{Handler: h}, http.ErrServerClosed),
	} {
		t.Run(door, func(t *testing.T) {
			_, request := handshake("ws://"+addr.String()+"/ws", "Sec-WebSocket-Protocol: echo")
			resp, _ := ask(t, addr.String(), request)
			require.Equal(t, 101, resp.StatusCode)
			require.Equal(t, http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Protocol": {"echo"},
				"Sec-Websocket-Accept": {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, "X-Other": {"stays"}}, resp.Header)
		})
	}
}

// wrapped is a ResponseWriter as middleware makes them.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Under other servers, and behind what hides ours, there are no WebSockets.
func TestOtherServers(t *testing.T) {
	e := peregrine.New(peregrine.Options{})
	errs := make(chan error, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { errs <- upgrade.WebSocket(w, r, e, nil) })
	hidden := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(struct{ http.ResponseWriter }{w}, r) })
	theirs := httptest.NewServer(wrap(h))
	defer theirs.Close()
	for _, addr := range []string{theirs.Listener.Addr().String(), listen(t, &nethttp.Server{Handler: hidden}, http.ErrServerClosed).String()} {
		_, request := handshake("ws://" + addr + "/ws")
		resp, body := ask(t, addr, request)
		require.Equal(t, 500, resp.StatusCode)
		require.Equal(t, "Internal Server Error\n", body)
		require.ErrorContains(t, await(t, errs, "an error"), "Unwrap")
	}
}

// TestHTTP2: there is no Upgrade in HTTP/2, and who asks for a WebSocket there is told so.
func TestHTTP2(t *testing.T) {
	e := peregrine.New(peregrine.Options{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.ErrorIs(t, upgrade.WebSocket(w, r, e, nil), wsproto.ErrProto)
	})
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &nethttp.Server{Handler: h, TLSConfig: &tls.Config{Certificates: certified.TLS.Certificates}}
	done := make(chan error, 1)
	go func() { done <- s.ServeTLS(l, "", "") }()
	client := certified.Client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	resp, err := client.Get("https://" + l.Addr().String() + "/ws")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, 2, resp.ProtoMajor)
	require.Equal(t, 400, resp.StatusCode)
	require.Contains(t, string(body), "handshake-http-version")
	client.CloseIdleConnections()
	s.Close()
	require.ErrorIs(t, <-done, http.ErrServerClosed)
}

func wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrapped{w}, r) })
}

// A handshake that is being decided on when the server begins to stop is refused.
func TestHandshakeWhileDraining(t *testing.T) {
	e := peregrine.New(peregrine.Options{})
	inside, proceed := make(chan bool), make(chan bool)
	rt := native.NewRouter()
	rt.Handle("/ws", func(w *native.Response, r *native.Request) error {
		inside <- true
		<-proceed
		return w.WebSocket(e, nil)
	})
	nativeServer := &native.Server{Router: rt}
	netServer := &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside <- true
		<-proceed
		require.ErrorIs(t, upgrade.WebSocket(w, r, e, nil), peregrine.ErrDraining)
	})}
	for door, s := range map[string]interface {
		Serve(net.Listener) error
		Close() error
		Shutdown(context.Context) error
	}{"native": nativeServer, "net/http": netServer} {
		t.Run(door, func(t *testing.T) {
			end := native.ErrServerClosed
			if door == "net/http" {
				end = http.ErrServerClosed
			}
			addr := listen(t, s, end).String()
			_, request := handshake("ws://" + addr + "/ws")
			nc, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer nc.Close()
			io.WriteString(nc, request)
			await(t, inside, "the request")
			done := make(chan error, 1)
			go func() { done <- s.Shutdown(context.Background()) }()
			eventually(t, "a closed listener", func() bool {
				c, err := net.Dial("tcp", addr)
				if err == nil {
					c.Close()
				}
				return err != nil
			})
			proceed <- true
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			require.NoError(t, err)
			require.Equal(t, 503, resp.StatusCode)
			require.True(t, resp.Close)
			require.NoError(t, await(t, done, "Shutdown"))
		})
	}
}

// New names the option that makes no sense.
func TestOptions(t *testing.T) {
	for name, o := range map[string]peregrine.Options{
		"OnMessage":        {Serve: func(*peregrine.Conn) {}, OnMessage: echo},
		"Compression":      {Compression: 10},
		"Origins":          {Origins: []string{"example.com", "https://example.com"}},
		"Slow":             {Slow: peregrine.Disconnect + 1},
		"ContextTakeover":  {ContextTakeover: true, Slow: peregrine.DropOldest},
		"ControlsMax":      {ControlsMax: -1},
		"QueueBytesMax":    {QueueBytesMax: -1},
		"QueueMessagesMax": {QueueMessagesMax: -1},
	} {
		func() {
			defer func() { require.Contains(t, recover(), name) }()
			peregrine.New(o)
		}()
	}
	status, _ := peregrine.Status(errors.New("something else"))
	require.Equal(t, 500, status)
}
