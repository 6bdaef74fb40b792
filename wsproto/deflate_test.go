package wsproto

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDeflateBothWays: messages of all kinds, at all levels, with and without context, in both roles.
func TestDeflateBothWays(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 70_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	messages := [][]byte{nil, []byte("a"), prose(50), prose(500), noise[:100], prose(70_000), noise, make([]byte, 100_000), prose(500), noise[:500]}
	for level := -1; level <= 10; level++ {
		for _, agreed := range []Params{{}, {ServerNoContextTakeover: true, ClientNoContextTakeover: true}, {ServerMaxWindowBits: 9, ClientMaxWindowBits: 10}} {
			for _, role := range []Role{Server, Client} {
				d, i := NewDeflater(role, agreed, level), NewInflater(1-role, agreed)
				for _, m := range messages {
					payload := d.Append([]byte("front"), m)
					require.Equal(t, "front", string(payload[:5]))
					got, err := i.Append([]byte("before"), payload[5:], len(m))
					require.NoError(t, err)
					require.Equal(t, "before", string(got[:6]))
					require.True(t, bytes.Equal(m, got[6:]))
				}
			}
		}
	}
	require.Equal(t, "\x00", string(NewDeflater(Server, Params{}, 1).Append(nil, nil)), "RFC 7692, section 7.2.3.6")
}

// TestInflateBound: at the bound all is well, one byte less is too much, and memory does not follow the bomb.
func TestInflateBound(t *testing.T) {
	bomb := []byte(stdDeflate("", string(make([]byte, 50<<20))))
	require.Less(t, len(bomb), 60_000)
	got, err := new(Inflater).Append(nil, bomb, 50<<20)
	require.NoError(t, err)
	require.Len(t, got, 50<<20)
	for _, bound := range []int{0, 1, 1000, 1 << 20} {
		got, err = new(Inflater).Append([]byte("x"), bomb, bound)
		require.Equal(t, ErrInflatedSize, err)
		require.Equal(t, "x", string(got))
		require.LessOrEqual(t, cap(got), 2*(bound+growthMin))
	}
	got, err = new(Inflater).Append(nil, []byte("\x00"), 0)
	require.NoError(t, err)
	require.Empty(t, got)
}

// TestPrepared: messages for one and messages for all, mixed, come out in order, whatever was agreed on.
func TestPrepared(t *testing.T) {
	for _, agreed := range []*Params{nil, {}, {ServerNoContextTakeover: true}, {ServerMaxWindowBits: 10}, {ServerMaxWindowBits: 15}} {
		var d *Deflater
		var i *Inflater
		if agreed != nil {
			d, i = NewDeflater(Server, *agreed, 1), NewInflater(Client, *agreed)
		}
		w := NewWriter(d)
		var out []byte
		var want []string
		for n := range 30 {
			message := prose(n * 40)
			want = append(want, string(message))
			if n%3 == 0 {
				out = append(out, Prepare(Text, message, n%4).Frame(d)...)
			} else {
				out = w.Message(out, Text, message)
			}
		}
		r := NewReader(NewReaderConfig(Client, Limits{}, nil), i)
		var got []string
		for len(out) > 0 {
			e, n, err := r.Next(out)
			require.NoError(t, err)
			out = out[n:]
			got = append(got, string(e.Payload))
		}
		require.Equal(t, want, got)
	}
}

// TestPreparedIsShared: the same bytes for all who can take them, made by whoever comes first.
func TestPreparedIsShared(t *testing.T) {
	p := Prepare(Text, prose(1000), 3)
	frames := make(chan []byte, 8)
	for range 8 {
		go func() { frames <- p.Frame(NewDeflater(Server, Params{}, 1)) }()
	}
	first := <-frames
	require.Less(t, len(first), 700)
	for range 7 {
		require.Same(t, &first[0], &(<-frames)[0])
	}
	require.Equal(t, len(prose(1000))+4, len(p.Frame(nil)))
	noise := Prepare(Binary, []byte(stdDeflate("", string(prose(1000)))), 9)
	require.Same(t, &noise.Frame(nil)[0], &noise.Frame(NewDeflater(Server, Params{}, 1))[0], "what does not become smaller goes as it is")
}
