package websocket

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/wsproto"
)

// BenchmarkEcho is a message there and back, over one connection.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{64, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := enter(b, echoes(), 1)[0]
			frame := masked(size)
			answer := make([]byte, len(frame)-4)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				_, err := c.Write(frame)
				require.NoError(b, err)
				_, err = io.ReadFull(c, answer)
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkEchoes is 32 messages there and back at a time.
func BenchmarkEchoes(b *testing.B) {
	const batch = 32
	c := enter(b, echoes(), 1)[0]
	var frames []byte
	for range batch {
		frames = append(frames, masked(64)...)
	}
	answers := make([]byte, len(frames)-4*batch)
	b.SetBytes(64)
	b.ReportAllocs()
	for n := 0; n < b.N; n += batch {
		_, err := c.Write(frames)
		require.NoError(b, err)
		_, err = io.ReadFull(c, answers)
		require.NoError(b, err)
	}
}

// BenchmarkDelivery is what a message costs for each member of a topic, without the kernel's part.
func BenchmarkDelivery(b *testing.B) {
	const members = 1000
	ts, loop, _ := audience(b, members)
	m := Message{wsproto.Binary, make([]byte, 1024)}
	b.ReportAllocs()
	for n := 0; n < b.N; n += members {
		ts.Publish("x", m)
		for loop.step() {
		}
	}
}

// BenchmarkBroadcast is a message of 1 KB to 1,000 connections, kernel and clients included, for each.
func BenchmarkBroadcast(b *testing.B) {
	const members = 1000
	ts := new(Topics)
	opened := make(chan bool, members)
	clients := enter(b, New(Options{OnOpen: func(c *Conn) { ts.Subscribe(c, "x"); opened <- true }}), members)
	for range members {
		<-opened
	}
	m := Message{wsproto.Binary, make([]byte, 1024)}
	buf := make([]byte, 1024+4)
	b.SetBytes(1024)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += members {
		ts.Publish("x", m)
		for _, c := range clients {
			_, err := io.ReadFull(c, buf)
			require.NoError(b, err)
		}
	}
}
