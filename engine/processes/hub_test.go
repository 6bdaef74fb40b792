package processes

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func frame(t *testing.T, channel, name string, kind byte, data []byte) []byte {
	f, ok := appendFrame(nil, channel, name, kind, data)
	require.True(t, ok)
	return f
}

func TestFrame(t *testing.T) {
	for _, c := range []struct {
		channel, name string
		kind          byte
		data          []byte
	}{
		{"", "", 0, []byte{}},
		{"room", "news", 1, []byte("hello")},
		{strings.Repeat("c", 255), strings.Repeat("n", 65535), 255, bytes.Repeat([]byte("d"), 100000)},
	} {
		stream := append(frame(t, c.channel, c.name, c.kind, c.data), frame(t, "next", "", 0, nil)...)
		in := bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(stream)), 16)
		f, err := readFrame(in)
		require.NoError(t, err)
		channel, name, kind, data, ok := parseFrame(f)
		require.True(t, ok)
		require.Equal(t, c.channel, string(channel))
		require.Equal(t, c.name, string(name))
		require.Equal(t, c.kind, kind)
		require.Equal(t, c.data, data)
		f, err = readFrame(in)
		require.NoError(t, err)
		channel, _, _, _, ok = parseFrame(f)
		require.True(t, ok)
		require.Equal(t, "next", string(channel))
		_, err = readFrame(in)
		require.ErrorIs(t, err, io.EOF)
	}
	for _, c := range []struct {
		channel, name string
		data          []byte
	}{
		{strings.Repeat("c", 256), "", nil},
		{"", strings.Repeat("n", 65536), nil},
		{"", "", make([]byte, BroadcastMax)},
	} {
		_, ok := appendFrame(nil, c.channel, c.name, 0, c.data)
		require.False(t, ok)
	}
	for _, size := range []uint32{1, 3, BroadcastMax + 1, 1<<32 - 1} {
		_, err := readFrame(bufio.NewReader(bytes.NewReader(binary.BigEndian.AppendUint32(nil, size))))
		require.ErrorContains(t, err, "want at most")
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 0, 3})
	f.Add([]byte{0, 0, 0, 9, 1, 1, 0, 1, 'c', 'n', 'd', 'a', 't', 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) >= 2 {
			stream[0], stream[1] = 0, 0 // or it is memory that is tested
		}
		for in := bufio.NewReader(bytes.NewReader(stream)); ; {
			got, err := readFrame(in)
			if err != nil {
				return
			}
			if channel, name, kind, data, ok := parseFrame(got); ok {
				require.Equal(t, got, frame(t, string(channel), string(name), kind, data))
			}
		}
	})
}

// TestOutbox: what is too much for a process that does not read is dropped and counted, and nobody waits for it.
func TestOutbox(t *testing.T) {
	here, there := net.Pipe()
	b := newOutbox(here)
	half := make([]byte, BroadcastBacklogMax/2)
	require.True(t, b.put(half))
	require.True(t, b.put(half))
	require.False(t, b.put(half))
	b.drop()
	require.EqualValues(t, 2, b.lost())
	got := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, there)
		got <- n
	}()
	b.flush()
	require.EqualValues(t, 2*len(half), <-got)
	require.False(t, b.put(half))
}

// TestHub: a frame goes to all others that have joined, over a link to those of another hub, and back to nobody.
func TestHub(t *testing.T) {
	hubs := []*hub{{peers: map[*peer]bool{}}, {peers: map[*peer]bool{}}}
	var radios []*radio
	heard := make(chan string, 100)
	var send []func(string, byte, []byte) bool
	for i := range 6 {
		_, f, err := hubs[i/3].connect()
		require.NoError(t, err)
		r, err := newRadio(f)
		require.NoError(t, err)
		radios = append(radios, r)
		defer r.out.close()
		if i%3 == 2 {
			continue // it does not join
		}
		w := &Worker{radio: r}
		w.Join("other", func(string, byte, []byte) { t.Error("another channel") })
		send = append(send, w.Join("room", func(name string, kind byte, data []byte) {
			heard <- string(rune('a'+i)) + name + string(kind) + string(data)
		}))
	}
	_, f, err := hubs[0].connect()
	require.NoError(t, err)
	require.NoError(t, hubs[1].link(f))
	for i := range hubs {
		for ready := false; !ready; { // all have joined, and the link
			hubs[i].mu.Lock()
			joined := 0
			for p := range hubs[i].peers {
				if p.joined {
					joined++
				}
			}
			ready = joined == 3
			hubs[i].mu.Unlock()
		}
	}
	require.True(t, send[1]("news", 'k', []byte("!")))
	got := map[string]int{}
	for range 3 {
		got[<-heard]++
	}
	require.Equal(t, map[string]int{"anewsk!": 1, "dnewsk!": 1, "enewsk!": 1}, got)
	require.Empty(t, heard)
	require.False(t, send[0](strings.Repeat("n", 1<<16), 0, nil))
	require.EqualValues(t, 1, radios[0].out.lost())
	radios[0].out.flush()
	require.True(t, (&Worker{}).Join("room", nil)("nobody", 0, nil)) // without a master
}
