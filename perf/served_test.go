package perf

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/websocket"
)

const patience = 30 * time.Second

// message is what is sent as JSON.
type message struct {
	Message string `json:"message"`
}

const text = "Hello, World!"

var greeting = message{text} // not known when compiled, as what handlers send

// served is a server on one loop, in this process.
type served interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// nativeServer has a route for each path of the native API that has a budget.
func nativeServer() served {
	rt := native.NewRouter()
	plaintext := func(w *native.Response, _ *native.Request) error {
		w.Set("Content-Type", "text/plain")
		_, err := w.WriteString(text)
		return err
	}
	rt.Handle("GET /plaintext", plaintext)
	rt.Const("GET /const", plaintext)
	rt.Handle("GET /json", func(w *native.Response, _ *native.Request) error { return w.JSON(200, greeting) })
	echo := websocket.New(websocket.Options{OnMessage: func(c *websocket.Conn, m websocket.Message) { c.Send(m) }})
	rt.Handle("GET /ws", func(w *native.Response, _ *native.Request) error { return w.WebSocket(echo, nil) })
	return &native.Server{Router: rt, Loops: 1, Transport: transport()}
}

// handler is what both of the adapter and net/http serve.
func handler() http.Handler {
	mux := http.NewServeMux()
	plaintext := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, text)
	})
	mux.Handle("GET /plaintext", plaintext)
	mux.Handle("GET /const", nethttp.Const(plaintext))
	return mux
}

func adapterServer() served {
	return &nethttp.Server{Handler: handler(), Loops: 1, Transport: transport()}
}

func transport() string {
	if runtime.GOOS == "linux" {
		return "epoll"
	}
	return ""
}

// start serves until the test ends.
func start(t testing.TB, s served) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go s.Serve(l)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Shutdown(ctx)
	})
	return l.Addr().String()
}

const host = " HTTP/1.1\r\nHost: h\r\n\r\n"

// upgradeRequest and frame are a handshake, and the message "hello" as a client sends it: masked, with 1, 2, 3, 4.
const (
	upgradeRequest = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	frame      = "\x81\x85\x01\x02\x03\x04" + "igohn"
	frameWants = "\x81\x05hello"
)

// asker sends the same bytes again and again, and reads as many as came back the first time. It allocates nothing.
type asker struct {
	conn   net.Conn
	in     []byte
	answer []byte
}

// dial opens a connection, on which a WebSocket has its handshake behind it.
func dial(t testing.TB, addr string, ws bool) net.Conn {
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() { c.Close() })
	if ws {
		_, err = io.WriteString(c, upgradeRequest)
		require.NoError(t, err)
		require.Contains(t, string(readHead(t, c)), " 101 ")
	}
	return c
}

// newAsker asks once. The answer to a request ends with the text that it contains.
func newAsker(t testing.TB, conn net.Conn, in, end string) *asker {
	a := &asker{conn: conn, in: []byte(in)}
	_, err := conn.Write(a.in)
	require.NoError(t, err)
	b := make([]byte, 4096)
	for n := 0; !bytes.HasSuffix(b[:n], []byte(end)); {
		k, err := conn.Read(b[n:])
		require.NoError(t, err)
		n += k
		a.answer = b[:n]
	}
	return a
}

func (a *asker) once(t testing.TB) {
	if _, err := a.conn.Write(a.in); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(a.conn, a.answer); err != nil {
		t.Fatal(err)
	}
}

// readHead reads up to the empty line, byte by byte.
func readHead(t testing.TB, c net.Conn) (head []byte) {
	one := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		_, err := io.ReadFull(c, one)
		require.NoError(t, err)
		head = append(head, one[0])
	}
	return head
}
