package websocket_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// obey is an endpoint that does what it is told.
func obey(c *peregrine.Conn, m peregrine.Message) {
	switch s := string(m.Data); s {
	case "close":
		c.Close(3000, "enough")
	case "cut":
		c.Cut()
	case "panic":
		panic("told to")
	case "exit":
		runtime.Goexit()
	default:
		c.Send(m)
	}
}

// Each way for a connection to end, what the peer sees of it, and what the callbacks are told.
var ends = []struct {
	name string
	o    peregrine.Options
	do   func(p *peer)
	told []string
}{
	{"close with code and reason", peregrine.Options{}, func(p *peer) {
		p.send(text("a"), farewell(4001, "bye"))
		p.expect("text a", "close 4001", "EOF")
	}, []string{"open", "message a", "close 4001 bye"}},
	{"close without code", peregrine.Options{}, func(p *peer) {
		p.send(farewell(0, ""))
		p.expect("close 1005", "EOF")
	}, []string{"open", "close 1005"}},
	{"messages after close", peregrine.Options{}, func(p *peer) {
		p.send(farewell(1000, ""), text("late"), text("later"))
		p.expect("close 1000", "EOF")
	}, []string{"open", "close 1000"}},
	{"ours, answered", peregrine.Options{}, func(p *peer) {
		p.send(text("close"))
		p.expect("close 3000 enough")
		p.send(text("late"), farewell(3000, ""))
		p.expect("EOF")
	}, []string{"open", "message close", "close 3000"}},
	{"ours and the peer's at once", peregrine.Options{}, func(p *peer) {
		p.send(text("close"), text("late"), farewell(4002, "me too"))
		p.expect("close 3000 enough", "EOF")
	}, []string{"open", "message close", "close 4002 me too"}},
	{"ours, not answered", peregrine.Options{CloseTimeout: 50 * time.Millisecond}, func(p *peer) {
		p.send(text("close"))
		p.expect("close 3000 enough")
		p.expectEnd()
	}, []string{"open", "message close", "close 1006"}},
	{"ours, answered by messages without end", peregrine.Options{CloseTimeout: 50 * time.Millisecond}, func(p *peer) {
		p.send(text("close"))
		go func() {
			for _, err := p.Write(nil); err == nil; _, err = p.Write([]byte(text("more"))) {
			}
		}()
		p.expect("close 3000 enough")
		p.expectEnd()
	}, []string{"open", "message close", "close 1006"}},
	{"cut", peregrine.Options{}, func(p *peer) {
		p.send(text("cut"), text("late"))
		p.expectEnd()
	}, []string{"open", "message cut", "close 1006"}},
	{"end of stream", peregrine.Options{}, func(p *peer) {
		p.send(text("a"))
		p.CloseWrite()
		p.expect("text a", "EOF")
	}, []string{"open", "message a", "close 1006"}},
	{"end of stream after ours", peregrine.Options{}, func(p *peer) {
		p.send(text("close"))
		p.CloseWrite()
		p.expect("close 3000 enough", "EOF")
	}, []string{"open", "message close", "close 1006"}},
	{"end of stream in a message", peregrine.Options{}, func(p *peer) {
		p.send(framed(wsproto.Header{Opcode: wsproto.Text}, "a"))
		p.CloseWrite()
		p.expect("EOF")
	}, []string{"open", "close 1006"}},
	{"reset", peregrine.Options{}, func(p *peer) {
		p.send(text("a"))
		p.expect("text a")
		p.reset()
	}, []string{"open", "message a", "close 1006"}},
	{"close and gone", peregrine.Options{}, func(p *peer) {
		p.send(farewell(4003, "gone"))
		p.Close()
	}, []string{"open", "close 4003 gone"}},
	{"silent", peregrine.Options{PingEvery: 20 * time.Millisecond, PongTimeout: 30 * time.Millisecond}, func(p *peer) {
		require.True(p.t, strings.HasPrefix(p.next(), "ping "))
		p.expectEnd()
	}, []string{"open", "close 1006"}},
	{"panic", peregrine.Options{}, func(p *peer) {
		p.send(text("panic"), text("late"))
		p.expect("close 1011")
		p.send(farewell(1011, ""))
		p.expect("EOF")
	}, []string{"open", "message panic", "close 1011"}},
	{"exit", peregrine.Options{}, func(p *peer) {
		p.send(text("exit"), text("late"))
		p.expectEnd()
	}, []string{"open", "message exit", "close 1006"}},
	{"panic in OnOpen", peregrine.Options{OnOpen: func(*peregrine.Conn) { panic("told to") }}, func(p *peer) {
		p.expect("close 1011")
		p.send(text("late"), farewell(1011, ""))
		p.expect("EOF")
	}, []string{"open", "close 1011"}},
	{"exit in OnOpen", peregrine.Options{OnOpen: func(*peregrine.Conn) { runtime.Goexit() }}, func(p *peer) {
		p.expectEnd()
	}, []string{"open", "close 1006"}},
	{"panic in OnClose", peregrine.Options{OnClose: func(*peregrine.Conn, wsproto.CloseCode, string) { panic("told to") }}, func(p *peer) {
		p.send(farewell(1000, ""))
		p.expect("close 1000", "EOF")
	}, []string{"open", "close 1000"}},
	{"exit in OnClose", peregrine.Options{OnClose: func(*peregrine.Conn, wsproto.CloseCode, string) { runtime.Goexit() }}, func(p *peer) {
		p.send(farewell(1000, ""))
		p.expectEnd()
	}, []string{"open", "close 1000"}},
	{"panic in OnClose of a lost connection", peregrine.Options{OnClose: func(*peregrine.Conn, wsproto.CloseCode, string) { panic("told to") }},
		func(p *peer) {
			p.reset()
		}, []string{"open", "close 1006"}},
	{"panic in OnPong", peregrine.Options{OnOpen: func(c *peregrine.Conn) { c.Ping() },
		OnPong: func(*peregrine.Conn, time.Duration) { panic("told to") }}, func(p *peer) {
		payload, ok := strings.CutPrefix(p.next(), "ping ")
		require.True(p.t, ok)
		p.send(framed(wsproto.Header{Fin: true, Opcode: wsproto.Pong}, payload))
		p.expect("close 1011")
		p.send(farewell(1011, ""))
		p.expect("EOF")
	}, []string{"open", "close 1011"}},
	{"exit in OnPong", peregrine.Options{OnOpen: func(c *peregrine.Conn) { c.Ping() },
		OnPong: func(*peregrine.Conn, time.Duration) { runtime.Goexit() }}, func(p *peer) {
		payload, ok := strings.CutPrefix(p.next(), "ping ")
		require.True(p.t, ok)
		p.send(framed(wsproto.Header{Fin: true, Opcode: wsproto.Pong}, payload))
		p.expectEnd()
	}, []string{"open", "close 1006"}},
}

func TestEndings(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		for _, end := range ends {
			t.Run(end.name, func(t *testing.T) {
				d := newDiary(style, end.o, obey)
				url, _ := serve(t, transport, d.e)
				end.do(connect(t, url+"x"))
				d.expect(t, end.told...)
				eventually(t, "a line for each panic, and no other", func() bool {
					return strings.HasPrefix(end.name, "panic") == strings.Contains(d.log.String(), "panicked")
				})
				c := <-d.conn
				require.ErrorIs(t, c.SendText("too late"), peregrine.ErrClosed)
				require.ErrorIs(t, c.Close(1000, ""), peregrine.ErrClosed)
				require.ErrorIs(t, c.Ping(), peregrine.ErrClosed)
				require.NotEmpty(t, c.RemoteAddr().String())
				require.NotEmpty(t, c.LocalAddr().String())
				c.Cut()
			})
		}
	})
}

// Each rule of frames, and the code with which it closes.
var violations = []struct {
	name  string
	bytes string
	code  string
}{
	{"reserved bits", framed(wsproto.Header{Fin: true, RSV: 2, Opcode: wsproto.Text}, ""), "close 1002"},
	{"compressed without having agreed", framed(wsproto.Header{Fin: true, RSV: wsproto.RSV1, Opcode: wsproto.Text}, "x"), "close 1002"},
	{"opcode 3", framed(wsproto.Header{Fin: true, Opcode: 3}, ""), "close 1002"},
	{"opcode 15", framed(wsproto.Header{Fin: true, Opcode: 15}, ""), "close 1002"},
	{"control frame in fragments", framed(wsproto.Header{Opcode: wsproto.Ping}, ""), "close 1002"},
	{"long control frame", framed(wsproto.Header{Fin: true, Opcode: wsproto.Ping}, strings.Repeat("x", 126)), "close 1002"},
	{"continuation of nothing", framed(wsproto.Header{Fin: true}, "x"), "close 1002"},
	{"message in a message", framed(wsproto.Header{Opcode: wsproto.Text}, "x") + text("y"), "close 1002"},
	{"unmasked", "\x81\x01x", "close 1002"},
	{"length not minimal", "\x81\xfe\x00\x01\x00\x00\x00\x00x", "close 1002"},
	{"length above 2^63-1", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "close 1002"},
	{"close of one byte", framed(wsproto.Header{Fin: true, Opcode: wsproto.Close}, "\x03"), "close 1002"},
	{"close 1005", farewell(1005, ""), "close 1002"},
	{"close 999", farewell(999, ""), "close 1002"},
	{"close 2999", farewell(2999, ""), "close 1002"},
	{"close with a reason that is no UTF-8", farewell(1000, "\xff"), "close 1007"},
	{"text that is no UTF-8", text("a\xff"), "close 1007"},
	{"text that ends in the middle of a character", text("a\xc3"), "close 1007"},
	{"text that is no UTF-8, not yet at its end", framed(wsproto.Header{Opcode: wsproto.Text}, "\xff"), "close 1007"},
	{"too many fragments", framed(wsproto.Header{Opcode: wsproto.Text}, "") + strings.Repeat(framed(wsproto.Header{}, ""), 10), "close 1008"},
	{"too many control frames", strings.Repeat(framed(wsproto.Header{Fin: true, Opcode: wsproto.Pong}, ""), 2000), "close 1008"},
	{"long message", text(strings.Repeat("x", 2001)), "close 1009"},
	{"long message that never comes", framed(wsproto.Header{Opcode: wsproto.Text}, strings.Repeat("x", 1000)) + "\x80\xfe\x03\xe9\x00\x00\x00\x00", "close 1009"},
	{"long frame", framed(wsproto.Header{Opcode: wsproto.Text}, strings.Repeat("x", 1501)), "close 1009"},
}

func TestViolations(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		for _, v := range violations {
			t.Run(v.name, func(t *testing.T) {
				d := newDiary(style, peregrine.Options{ControlsMax: 500,
					Limits: wsproto.Limits{MessageBytesMax: 2000, FrameBytesMax: 1500, FragmentsMax: 10}}, obey)
				if v.name == "long message" { // of one frame
					d = newDiary(style, peregrine.Options{Limits: wsproto.Limits{MessageBytesMax: 2000}}, obey)
				}
				url, _ := serve(t, transport, d.e)
				p := connect(t, url+"x", text("a"))
				p.expect("text a")
				p.send(v.bytes)
				p.expect(v.code, "EOF")
				p.Close() // or it would be waited for
				d.expect(t, "open", "message a", v.code)
				require.EqualValues(t, 1, d.e.Counters().Broken)
				require.Equal(t, 1, strings.Count(d.log.String(), "level=DEBUG"), d.log.String())
			})
		}
	})
}

// A peer that answers Pings stays, and is told what time that takes.
func TestPings(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		pongs := make(chan time.Duration, 100)
		d := newDiary(style, peregrine.Options{PingEvery: 5 * time.Millisecond, PongTimeout: patience,
			OnPong: func(_ *peregrine.Conn, rtt time.Duration) { pongs <- rtt }}, obey)
		url, _ := serve(t, transport, d.e)
		p := connect(t, url+"x")
		for range 3 {
			payload, ok := strings.CutPrefix(p.next(), "ping ")
			require.True(t, ok)
			p.send(framed(wsproto.Header{Fin: true, Opcode: wsproto.Pong}, "forged"),
				framed(wsproto.Header{Fin: true, Opcode: wsproto.Pong}, payload))
			require.Positive(t, await(t, pongs, "OnPong"))
		}
		require.Empty(t, pongs, "forged ones do not count")
		p.reset()
		d.expect(t, "open", "close 1006")
	})
}

// Shutdown says 1001, and waits for the answer.
func TestShutdown(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		d := newDiary(style, peregrine.Options{}, obey)
		url, s := serve(t, transport, d.e)
		p := connect(t, url+"x")
		q := connect(t, url+"x")
		<-d.conn
		<-d.conn
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(context.Background()) }()
		p.expect("close 1001")
		q.expect("close 1001")
		p.send(farewell(1001, ""))
		p.expect("EOF")
		eventually(t, "one of two connections", func() bool { return d.e.Counters().Open == 1 })
		require.Empty(t, done, "there is one connection left")
		q.send(farewell(4004, "well"))
		q.expect("EOF")
		require.NoError(t, await(t, done, "Shutdown"))
		d.expect(t, "open", "open", "close 1001", "close 4004 well")
	})
}

// Server.Close cuts.
func TestServerClose(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		d := newDiary(style, peregrine.Options{}, obey)
		url, s := serve(t, transport, d.e)
		p := connect(t, url+"x")
		<-d.conn
		s.Close()
		p.expectEnd()
		d.expect(t, "open", "close 1006")
	})
}

// From goroutines of the program's own, between and inside callbacks.
func TestEndingsFromElsewhere(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		for _, end := range []struct {
			name string
			do   func(c *peregrine.Conn)
			told string
		}{
			{"close", func(c *peregrine.Conn) { require.NoError(t, c.Close(3001, "time")) }, "close 3001"},
			{"cut", func(c *peregrine.Conn) { c.Cut() }, "close 1006"},
		} {
			for _, inside := range []bool{false, true} {
				name := end.name + " between callbacks"
				if inside {
					name = end.name + " inside OnOpen"
				}
				t.Run(name, func(t *testing.T) {
					opened, proceed := make(chan *peregrine.Conn, 1), make(chan struct{})
					d := newDiary(style, peregrine.Options{CloseTimeout: time.Hour, OnOpen: func(c *peregrine.Conn) {
						opened <- c
						if inside {
							<-proceed
						}
					}}, obey)
					url, _ := serve(t, transport, d.e)
					p := connect(t, url+"x")
					c := await(t, opened, "OnOpen")
					if !inside {
						p.send(text("a"))
						p.expect("text a")
					}
					end.do(c)
					close(proceed)
					if end.name == "close" {
						p.expect("close 3001 time")
						p.send(farewell(3001, ""))
						p.expect("EOF")
					} else {
						p.expectEnd()
					}
					told := []string{"open", "message a", end.told}
					if inside {
						told = []string{"open", end.told}
					}
					d.expect(t, told...)
				})
			}
		}
	})
}

// What a peer has said before it left is heard, also when we learn by sending that it has left.
func TestGoneWhileSending(t *testing.T) {
	everywhere(t, func(t *testing.T, transport, style string) {
		for range 20 {
			d := newDiary(style, peregrine.Options{}, nil)
			url, _ := serve(t, transport, d.e)
			p := connect(t, url+"x")
			c := await(t, d.conn, "OnOpen")
			done := make(chan error)
			go func() {
				var err error
				for err == nil {
					err = c.SendText("on and on")
				}
				done <- err
			}()
			p.expect("text on and on")
			p.send(text("a"), farewell(4003, "gone"))
			p.Close() // with input that is not read: a reset
			require.ErrorIs(t, await(t, done, "the end"), peregrine.ErrClosed)
			d.expect(t, "open", "message a", "close 4003 gone")
		}
	})
}

// Codes that are not to be sent are refused, and long reasons cut.
func TestCloseArguments(t *testing.T) {
	d := newDiary("callbacks", peregrine.Options{}, nil)
	url, _ := serve(t, "", d.e)
	p := connect(t, url+"x")
	c := await(t, d.conn, "OnOpen")
	for _, code := range []wsproto.CloseCode{0, 999, wsproto.Abnormal, wsproto.TLSHandshake, 2000, 5000} {
		require.ErrorIs(t, c.Close(code, ""), wsproto.ErrUnsendable)
	}
	require.ErrorIs(t, c.Close(1000, "\xff"), wsproto.ErrUnsendable)
	require.NoError(t, c.SendText("still here"))
	require.NoError(t, c.Close(1000, strings.Repeat("é", 100)))
	p.expect("text still here", "close 1000 "+strings.Repeat("é", 61))
}
