package websocket_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// gorilla dials with a deadline for everything that is read.
func gorilla(t *testing.T, d websocket.Dialer, url string) *websocket.Conn {
	t.Helper()
	c, _, err := d.Dial(url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	return c
}

// words are bytes that compress by half and more, valid UTF-8. Letters by chance do not always: when nothing comes twice, flate stores.
func words(n int) []byte {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = append(append(b, vocabulary[rand.IntN(len(vocabulary))]...), ' ')
	}
	return b[:n]
}

var vocabulary = strings.Fields("answer connection event frame handler kernel listener message path queue reader socket thread worker")

// TestGorillaFraming: messages of all sizes, written through buffers that cut them into fragments, and whole, and prepared; and
// read in small pieces.
func TestGorillaFraming(t *testing.T) {
	eachEcho(t, func(t *testing.T, url, compression string) {
		for buffer, asked := range map[int]bool{256: true, 4096: true, 512: false} {
			c := gorilla(t, websocket.Dialer{EnableCompression: asked, WriteBufferSize: buffer, ReadBufferSize: buffer}, url)
			for _, size := range []int{0, 1, 2, 124, 125, 126, 127, buffer - 1, buffer, buffer + 1, 65535, 65536} {
				sent := words(size)
				for _, write := range []func() error{
					func() error { return c.WriteMessage(websocket.BinaryMessage, sent) },
					func() error { return inPieces(c, sent, 1+size/7) },
					func() error {
						m, err := websocket.NewPreparedMessage(websocket.BinaryMessage, sent)
						if err != nil {
							return err
						}
						return c.WritePreparedMessage(m)
					},
				} {
					c.EnableWriteCompression(size%2 == 0) // either way is allowed for each message
					require.NoError(t, write())
					kind, r, err := c.NextReader()
					require.NoError(t, err)
					require.Equal(t, websocket.BinaryMessage, kind)
					got, err := io.ReadAll(io.LimitReader(r, int64(size)+1))
					require.NoError(t, err)
					require.True(t, bytes.Equal(sent, got), "%d of %d bytes", len(got), size)
				}
			}
			require.NoError(t, c.Close())
		}
	})
}

func inPieces(c *websocket.Conn, p []byte, size int) error {
	w, err := c.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return err
	}
	for len(p) > 0 {
		n := min(size, len(p))
		if _, err := w.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return w.Close()
}

// TestGorillaControl: pings of ours and theirs, alone and between fragments.
func TestGorillaControl(t *testing.T) {
	eachEcho(t, func(t *testing.T, url, compression string) {
		c := gorilla(t, websocket.Dialer{EnableCompression: true, WriteBufferSize: 128}, url)
		var pongs []string
		c.SetPongHandler(func(data string) error {
			pongs = append(pongs, data)
			return nil
		})
		var want []string
		ping := func(payload string) {
			want = append(want, payload)
			require.NoError(t, c.WriteControl(websocket.PingMessage, []byte(payload), time.Now().Add(patience)))
		}
		ping("")
		ping(string(words(125)))
		w, err := c.NextWriter(websocket.TextMessage)
		require.NoError(t, err)
		sent := words(2000)
		for part := range bytes.SplitAfterSeq(sent, []byte("e")) {
			_, err := w.Write(part)
			require.NoError(t, err)
			if len(want) < 20 {
				ping(fmt.Sprint(len(want)))
			}
		}
		require.NoError(t, c.WriteControl(websocket.PongMessage, []byte("unasked"), time.Now().Add(patience)))
		require.NoError(t, w.Close())
		_, got, err := c.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, string(sent), string(got))
		require.Equal(t, want, pongs)
	})
}

// TestGorillaPonged: the server pings, gorilla answers.
func TestGorillaPonged(t *testing.T) {
	for _, transport := range transports {
		answered := make(chan time.Duration, 1)
		url, _ := serve(t, transport, peregrine.New(peregrine.Options{
			OnOpen: func(c *peregrine.Conn) { c.Ping() },
			OnPong: func(_ *peregrine.Conn, rtt time.Duration) { answered <- rtt },
		}))
		c := gorilla(t, websocket.Dialer{}, url+"x")
		go c.ReadMessage()
		require.Positive(t, await(t, answered, "the pong"))
	}
}

// TestGorillaCloses: each code that may be sent, from either side.
func TestGorillaCloses(t *testing.T) {
	for _, transport := range transports {
		for style, o := range styles() {
			for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999} {
				t.Run(fmt.Sprint(transport, " ", style, " ", code), func(t *testing.T) {
					ended := endings(&o)
					url, _ := serve(t, transport, peregrine.New(o))
					c := gorilla(t, websocket.Dialer{}, url+"x")
					require.NoError(t, c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, "grüß Gott")))
					_, _, err := c.ReadMessage()
					require.True(t, websocket.IsCloseError(err, code), "%v", err)
					require.Equal(t, ending{wsproto.CloseCode(code), "grüß Gott"}, await(t, ended, "OnClose"))

					o := peregrine.Options{OnOpen: func(c *peregrine.Conn) { c.Close(wsproto.CloseCode(code), "servus") }}
					ended = endings(&o)
					url, _ = serve(t, transport, peregrine.New(o))
					c = gorilla(t, websocket.Dialer{}, url+"x")
					_, _, err = c.ReadMessage()
					require.Equal(t, &websocket.CloseError{Code: code, Text: "servus"}, err)
					require.Equal(t, wsproto.CloseCode(code), await(t, ended, "OnClose").code)
				})
			}
			t.Run(transport+" "+style+" none", func(t *testing.T) {
				ended := endings(&o)
				url, _ := serve(t, transport, peregrine.New(o))
				c := gorilla(t, websocket.Dialer{}, url+"x")
				require.NoError(t, c.WriteMessage(websocket.CloseMessage, nil))
				_, _, err := c.ReadMessage()
				require.True(t, websocket.IsCloseError(err, websocket.CloseNoStatusReceived), "%v", err)
				require.Equal(t, ending{wsproto.NoStatus, ""}, await(t, ended, "OnClose"))
			})
			t.Run(transport+" "+style+" cut", func(t *testing.T) { // in the middle of a message
				ended := endings(&o)
				url, _ := serve(t, transport, peregrine.New(o))
				c := gorilla(t, websocket.Dialer{WriteBufferSize: 100}, url+"x")
				w, err := c.NextWriter(websocket.TextMessage)
				require.NoError(t, err)
				_, err = w.Write(words(250))
				require.NoError(t, err)
				require.NoError(t, c.NetConn().Close())
				require.Equal(t, wsproto.Abnormal, await(t, ended, "OnClose").code)
			})
			t.Run(transport+" "+style+" limit", func(t *testing.T) { // gorilla's
				ended := endings(&o)
				url, _ := serve(t, transport, peregrine.New(o))
				c := gorilla(t, websocket.Dialer{}, url+"x")
				c.SetReadLimit(512)
				require.NoError(t, c.WriteMessage(websocket.TextMessage, words(513)))
				_, _, err := c.ReadMessage()
				require.ErrorIs(t, err, websocket.ErrReadLimit)
				require.Equal(t, wsproto.MessageTooBig, await(t, ended, "OnClose").code)
			})
		}
	}
}

// TestGorillaLimits: what we do not take, deflated or not.
func TestGorillaLimits(t *testing.T) {
	for _, transport := range transports {
		for style, o := range styles() {
			for _, compressed := range []bool{false, true} {
				t.Run(fmt.Sprint(transport, " ", style, " ", compressed), func(t *testing.T) {
					o.Compression, o.Limits = 1, wsproto.Limits{MessageBytesMax: 10_000}
					ended := endings(&o)
					url, _ := serve(t, transport, peregrine.New(o))
					c := gorilla(t, websocket.Dialer{EnableCompression: compressed}, url+"x")
					require.NoError(t, c.WriteMessage(websocket.TextMessage, make([]byte, 10_000)))
					_, got, err := c.ReadMessage()
					require.NoError(t, err)
					require.Len(t, got, 10_000)
					require.NoError(t, c.WriteMessage(websocket.TextMessage, make([]byte, 10_001)))
					_, _, err = c.ReadMessage()
					require.True(t, websocket.IsCloseError(err, websocket.CloseMessageTooBig), "%v", err)
					require.Equal(t, wsproto.MessageTooBig, await(t, ended, "OnClose").code)
				})
			}
		}
	}
}

// TestGorillaDials: cookies, subprotocols, other networks and what a server says first.
func TestGorillaDials(t *testing.T) {
	e := peregrine.New(peregrine.Options{
		OnOpen:       func(c *peregrine.Conn) { c.SendText("Hello") },
		Subprotocols: []string{"p0", "p1"},
	})
	for door, addr := range doors(t, e) {
		for _, buffer := range []int{0, 16, 1024} {
			t.Run(fmt.Sprint(door, " ", buffer), func(t *testing.T) {
				jar, err := cookiejar.New(nil)
				require.NoError(t, err)
				d := websocket.Dialer{Subprotocols: []string{"p2", "p1"}, ReadBufferSize: buffer, Jar: jar}
				for _, visits := range []string{"I", "II", "III"} {
					c, res, err := d.Dial("ws://"+addr.String()+"/ws", nil)
					require.NoError(t, err)
					require.Equal(t, "visits="+visits, res.Header.Get("Set-Cookie"))
					require.Equal(t, "p1", c.Subprotocol())
					_, got, err := c.ReadMessage()
					require.NoError(t, err)
					require.Equal(t, "Hello", string(got))
					require.NoError(t, c.Close())
				}
				_, res, err := d.Dial("ws://"+addr.String()+"/ws", http.Header{"Origin": {"http://bad.origin"}})
				require.ErrorIs(t, err, websocket.ErrBadHandshake)
				require.Equal(t, 403, res.StatusCode)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.Contains(t, string(body), "origin")
			})
		}
	}
}

// TestGorillaUnix: over a Unix socket.
func TestGorillaUnix(t *testing.T) {
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	rt := native.NewRouter()
	e := peregrine.New(peregrine.Options{OnMessage: echo})
	rt.Handle("GET /", func(w *native.Response, _ *native.Request) error { return w.WebSocket(e, nil) })
	s := &native.Server{Router: rt}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	defer func() {
		s.Close()
		require.ErrorIs(t, <-done, native.ErrServerClosed)
	}()
	c := gorilla(t, websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.Addr().String())
	}}, "ws://any.example/")
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte("hi")))
	_, got, err := c.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, "hi", string(got))
}

// TestGorillaWriters: many goroutines of ours send on one connection; each one's messages come whole and in order.
func TestGorillaWriters(t *testing.T) {
	const writers, each = 10, 80
	for _, transport := range transports {
		for _, compression := range compressions {
			t.Run(transport+" "+compression.name, func(t *testing.T) {
				var failed atomic.Int32
				o := peregrine.Options{OnOpen: func(c *peregrine.Conn) {
					for w := range writers {
						go func() {
							for i := range each {
								if c.SendText(fmt.Sprintf("%d %d %s", w, i, words(10*i))) != nil {
									failed.Add(1)
								}
							}
						}()
					}
				}}
				compression.set(&o)
				url, _ := serve(t, transport, peregrine.New(o))
				c := gorilla(t, websocket.Dialer{EnableCompression: true}, url+"x")
				var next [writers]int
				for range writers * each {
					_, got, err := c.ReadMessage()
					require.NoError(t, err)
					var w, i int
					_, err = fmt.Sscan(string(got), &w, &i)
					require.NoError(t, err)
					require.Equal(t, next[w], i)
					require.Len(t, got, len(fmt.Sprintf("%d %d ", w, i))+10*i)
					next[w]++
				}
				require.Zero(t, failed.Load())
			})
		}
	}
}
