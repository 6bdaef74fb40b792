package websocket_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// modes are coder's, with a threshold that has half of the messages compressed.
var modes = []websocket.CompressionMode{
	websocket.CompressionDisabled, websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover,
}

// coder dials; its connection and its context end with the test.
func coder(t *testing.T, url string, o *websocket.DialOptions) (context.Context, *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	c, _, err := websocket.Dial(ctx, url, o)
	require.NoError(t, err)
	t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(-1)
	return ctx, c
}

// TestCoderEcho: messages of random content, in all modes of compression; written whole, in pieces and whole again, so that
// contexts must be carried over.
func TestCoderEcho(t *testing.T) {
	eachEcho(t, func(t *testing.T, url, _ string) {
		for _, mode := range modes {
			ctx, c := coder(t, url, &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 500})
			for _, size := range []int{0, 5, 499, 500, 40_000, 7} {
				sent := words(size)
				echoed := func(write func() error) {
					wrote := make(chan error, 1)
					go func() { wrote <- write() }()
					kind, got, err := c.Read(ctx)
					require.NoError(t, err)
					require.NoError(t, <-wrote)
					require.Equal(t, websocket.MessageText, kind)
					require.True(t, bytes.Equal(sent, got), "%d of %d bytes", len(got), size)
				}
				whole := func() error { return c.Write(ctx, websocket.MessageText, sent) }
				echoed(whole)
				echoed(func() error {
					w, err := c.Writer(ctx, websocket.MessageText)
					if err != nil {
						return err
					}
					if _, err := io.Copy(w, io.LimitReader(bytes.NewReader(sent), int64(size))); err != nil {
						return err
					}
					return w.Close()
				})
				echoed(whole)
			}
			require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
		}
	})
}

// TestCoderJSON: values, over an http.Client with a timeout of its own.
func TestCoderJSON(t *testing.T) {
	eachEcho(t, func(t *testing.T, url, _ string) {
		ctx, c := coder(t, url, &websocket.DialOptions{HTTPClient: &http.Client{Timeout: patience}})
		sent := map[string]any{"text": string(words(3000)), "list": []any{"a", 1.5, nil}}
		require.NoError(t, wsjson.Write(ctx, c, sent))
		var got map[string]any
		require.NoError(t, wsjson.Read(ctx, c, &got))
		require.Equal(t, sent, got)
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	})
}

// TestCoderNetConn: a stream over messages.
func TestCoderNetConn(t *testing.T) {
	eachEcho(t, func(t *testing.T, url, _ string) {
		ctx, c := coder(t, url, nil)
		stream := websocket.NetConn(ctx, c, websocket.MessageBinary)
		sent := bytes.Repeat([]byte("papa"), 1<<18)
		wrote := make(chan error, 1)
		go func() {
			_, err := stream.Write(sent)
			wrote <- err
		}()
		got := make([]byte, len(sent))
		_, err := io.ReadFull(stream, got)
		require.NoError(t, err)
		require.NoError(t, <-wrote)
		require.True(t, bytes.Equal(sent, got))
		require.NoError(t, stream.Close())
	})
}

// TestCoderPings: theirs are answered, also while the connection closes; ours go unanswered once, and the connection is cut.
func TestCoderPings(t *testing.T) {
	eachEcho(t, func(t *testing.T, url, _ string) {
		ctx, c := coder(t, url, nil)
		c.CloseRead(ctx)
		for range 10 {
			require.NoError(t, c.Ping(ctx))
		}
		failed := make(chan error, 1)
		go func() {
			for ; ; time.Sleep(time.Millisecond) { // Options.ControlsMax
				if err := c.Ping(ctx); err != nil {
					failed <- err
					return
				}
			}
		}()
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
		await(t, failed, "the failure of a ping")
	})
	for _, transport := range transports {
		t.Run(transport+" unanswered", func(t *testing.T) {
			var ponged atomic.Bool
			o := peregrine.Options{
				PingEvery: 10 * time.Millisecond, PongTimeout: 10 * time.Millisecond,
				OnPong: func(*peregrine.Conn, time.Duration) { ponged.Store(true) },
			}
			ended := endings(&o)
			url, _ := serve(t, transport, peregrine.New(o))
			pinged := make(chan bool, 1)
			ctx, c := coder(t, url+"x", &websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool {
				select {
				case pinged <- true:
				default:
				}
				return false
			}})
			_, _, err := c.Read(ctx)
			require.Error(t, err)
			await(t, pinged, "a ping")
			require.Equal(t, ending{wsproto.Abnormal, ""}, await(t, ended, "OnClose"))
			require.False(t, ponged.Load())
		})
	}
}

// TestCoderWriters: many goroutines of theirs write at once.
func TestCoderWriters(t *testing.T) {
	eachEcho(t, func(t *testing.T, url, _ string) {
		ctx, c := coder(t, url, &websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 100})
		const count = 60
		wrote := make(chan error, count)
		for i := range count {
			go func() { wrote <- c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, "%d %s", i, words(5*i))) }()
		}
		seen := map[int]bool{}
		for range count {
			_, got, err := c.Read(ctx)
			require.NoError(t, err)
			var i int
			_, err = fmt.Sscan(string(got), &i)
			require.NoError(t, err)
			require.Len(t, got, len(fmt.Sprint(i, " "))+5*i)
			seen[i] = true
		}
		for range count {
			require.NoError(t, await(t, wrote, "a write"))
		}
		require.Len(t, seen, count)
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	})
}

// TestCoderClosesDuringTraffic: either side closes while either side writes, and both learn of it.
func TestCoderClosesDuringTraffic(t *testing.T) {
	for _, transport := range transports {
		for _, serverCloses := range []bool{false, true} {
			for _, serverWrites := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s server closes %v writes %v", transport, serverCloses, serverWrites), func(t *testing.T) {
					wrote := make(chan error, 1) // what the writer's last write has said
					conns := make(chan *peregrine.Conn, 1)
					o := peregrine.Options{OnOpen: func(c *peregrine.Conn) { conns <- c }}
					ended := endings(&o)
					url, _ := serve(t, transport, peregrine.New(o))
					ctx, c := coder(t, url+"x", nil)
					ours := await(t, conns, "the connection")
					started := make(chan bool)
					go func() {
						for i := 0; ; i++ {
							var err error
							if serverWrites {
								err = ours.SendText("hello")
							} else {
								err = c.Write(ctx, websocket.MessageText, []byte("hello"))
							}
							if err != nil {
								wrote <- err
								return
							}
							if i == 10 {
								close(started)
							}
						}
					}()
					await(t, started, "traffic")
					if serverCloses {
						require.NoError(t, ours.Close(wsproto.NormalClosure, ""))
						err := error(nil)
						for err == nil {
							_, _, err = c.Read(ctx)
						}
						require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(err))
					} else {
						require.NoError(t, c.Close(websocket.StatusNormalClosure, "")) // reads until the answer
					}
					require.Error(t, await(t, wrote, "an end of the writing"))
					require.Equal(t, wsproto.NormalClosure, await(t, ended, "OnClose").code)
					require.ErrorIs(t, ours.SendText("late"), peregrine.ErrClosed)
					require.Error(t, c.Write(ctx, websocket.MessageText, []byte("late")))
				})
			}
		}
	}
}

// TestCoderGone: both sides cut, at once.
func TestCoderGone(t *testing.T) {
	for _, transport := range transports {
		conns := make(chan *peregrine.Conn, 1)
		o := peregrine.Options{OnOpen: func(c *peregrine.Conn) { conns <- c }}
		ended := endings(&o)
		url, _ := serve(t, transport, peregrine.New(o))
		_, c := coder(t, url+"x", nil)
		ours := await(t, conns, "the connection")
		require.NoError(t, c.CloseNow())
		ours.Cut()
		require.Equal(t, wsproto.Abnormal, await(t, ended, "OnClose").code)
		ours.Cut()
		require.ErrorIs(t, ours.Close(wsproto.NormalClosure, ""), peregrine.ErrClosed)
	}
}

// TestCoderDials: redirects, cookies, the Host and fields of a request, through http.Client.
func TestCoderDials(t *testing.T) {
	for door, addr := range doors(t, peregrine.New(peregrine.Options{OnMessage: echo, Origins: []string{"pages.example"}})) {
		t.Run(door, func(t *testing.T) {
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			o := &websocket.DialOptions{
				HTTPClient: &http.Client{Jar: jar},
				Host:       "other.example",
				HTTPHeader: http.Header{"Origin": {"https://Pages.example"}},
			}
			ctx, c := coder(t, "ws://"+addr.String()+"/old", o) // redirects
			require.NoError(t, wsjson.Write(ctx, c, "hi"))
			_, got, err := c.Read(ctx)
			require.NoError(t, err)
			require.Equal(t, "\"hi\"\n", string(got))
			require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
			_, res, err := websocket.Dial(ctx, "ws://"+addr.String()+"/ws", o)
			require.NoError(t, err)
			require.Equal(t, "visits=II", res.Header.Get("Set-Cookie"))

			o.HTTPHeader = http.Header{"Origin": {"https://other.example"}}
			_, res, err = websocket.Dial(ctx, "ws://"+addr.String()+"/ws", o)
			require.Error(t, err)
			require.Equal(t, 403, res.StatusCode)
			_, res, err = websocket.Dial(ctx, "ws://"+addr.String()+"/none", nil)
			require.Error(t, err)
			require.Equal(t, 404, res.StatusCode)
		})
	}
}

// TestCoderDictionary: with takeover, what comes again costs little; without, as much as the first time.
func TestCoderDictionary(t *testing.T) {
	message := words(3000)
	cost := func(o peregrine.Options, mode websocket.CompressionMode) (sizes []int64) {
		o.OnMessage = echo
		url, _ := serve(t, transports[0], peregrine.New(o))
		var received atomic.Int64
		ctx, c := coder(t, url+"x", &websocket.DialOptions{CompressionMode: mode, HTTPClient: &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return counting{conn, &received}, err
			},
		}}})
		for range 3 {
			before := received.Load()
			require.NoError(t, c.Write(ctx, websocket.MessageText, message))
			_, got, err := c.Read(ctx)
			require.NoError(t, err)
			require.True(t, bytes.Equal(message, got))
			sizes = append(sizes, received.Load()-before)
		}
		return sizes
	}
	plain := cost(peregrine.Options{}, websocket.CompressionContextTakeover)
	alone := cost(peregrine.Options{Compression: 6}, websocket.CompressionContextTakeover)
	refused := cost(peregrine.Options{Compression: 6, ContextTakeover: true}, websocket.CompressionNoContextTakeover)
	takeover := cost(peregrine.Options{Compression: 6, ContextTakeover: true}, websocket.CompressionContextTakeover)
	require.Equal(t, []int64{3004, 3004, 3004}, plain)
	for _, sizes := range [][]int64{alone, refused} {
		require.Less(t, sizes[0], plain[0]*2/3)
		require.Equal(t, sizes[0], sizes[1])
		require.Equal(t, sizes[0], sizes[2])
	}
	require.Less(t, takeover[1], takeover[0]/4)
	require.Less(t, takeover[2], takeover[0]/4)
}

type counting struct {
	net.Conn
	n *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// TestCoderFragments: what we send in fragments, of which pings do not take part.
func TestCoderFragments(t *testing.T) {
	for _, transport := range transports {
		for _, compression := range compressions {
			t.Run(transport+" "+compression.name, func(t *testing.T) {
				o := peregrine.Options{OnMessage: func(c *peregrine.Conn, m peregrine.Message) {
					w, err := c.Writer(m.Opcode)
					if err != nil {
						return
					}
					for part := range strings.SplitAfterSeq(string(m.Data), " ") {
						c.Ping()
						io.WriteString(w, part)
					}
					c.SendText("between") // comes behind
					w.Close()
				}}
				compression.set(&o)
				url, _ := serve(t, transport, peregrine.New(o))
				var pings atomic.Int32
				ctx, c := coder(t, url+"x", &websocket.DialOptions{
					CompressionMode: websocket.CompressionContextTakeover,
					OnPingReceived: func(context.Context, []byte) bool {
						pings.Add(1)
						return false
					},
				})
				for range 3 {
					sent := words(1000)
					require.NoError(t, c.Write(ctx, websocket.MessageBinary, sent))
					kind, got, err := c.Read(ctx)
					require.NoError(t, err)
					require.Equal(t, websocket.MessageBinary, kind)
					require.Equal(t, string(sent), string(got))
					_, got, err = c.Read(ctx)
					require.NoError(t, err)
					require.Equal(t, "between", string(got))
				}
				require.Positive(t, pings.Load())
			})
		}
	}
}
