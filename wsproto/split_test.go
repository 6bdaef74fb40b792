package wsproto

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// stock is memory whose use is counted. What is put back is overwritten.
type stock struct{ out, got int }

func (s *stock) Get(capacity int) []byte {
	s.out++
	s.got++
	return make([]byte, 0, capacity)
}

func (s *stock) Put(b []byte) {
	s.out--
	b = b[:cap(b)]
	for i := range b {
		b[i] = 0xdb
	}
}

// TestSplit cuts every session at every byte, at every second pair of bytes if it is short, and between all bytes. All
// buffers come back: at the end, and when a message has been read.
func TestSplit(t *testing.T) {
	for _, s := range sessions() {
		check := func(pieces ...[]byte) {
			var memory stock
			require.Equal(t, s.want, s.run(&memory, pieces...), s.name)
		}
		n := len(s.wire)
		for i := range n + 1 {
			if n > 5000 && i > 100 && i < n-100 {
				continue
			}
			check(s.wire[:i], s.wire[i:])
			if n < 80 {
				for j := i; j <= n; j += 2 {
					check(s.wire[:i], s.wire[i:j], s.wire[j:])
				}
			}
		}
		var single [][]byte
		for i := range n {
			single = append(single, s.wire[i:i+1], nil)
		}
		check(single...)
	}
}

// TestBuffersComeBack: whoever stops reading at an event has lent at most what the event needs, and gets it back with
// the next call; Release gives back the rest at any place.
func TestBuffersComeBack(t *testing.T) {
	for _, s := range sessions() {
		if len(s.wire) > 1200 {
			continue
		}
		for end := range len(s.wire) + 1 {
			var memory stock
			r := s.reader(&memory)
			var err error
			for i := 0; i < end && (err == nil || err == ErrNeedMore); i++ {
				if _, _, err = r.Next([]byte{s.wire[i]}); err == nil {
					_, _, err = r.Next(nil)
				}
				if r.Idle() {
					require.Zero(t, memory.out, "%s, between messages, after %d", s.name, i+1)
				}
			}
			r.Release()
			require.Zero(t, memory.out, "%s, released after %d", s.name, end)
			_, _, err = r.Next([]byte("more"))
			require.Error(t, err)
			require.NotEqual(t, ErrNeedMore, err)
		}
	}
}

// TestWholeIsView: a message that comes in one piece lies where it came, and needs no buffer.
func TestWholeIsView(t *testing.T) {
	var memory stock
	r := NewReader(NewReaderConfig(Server, Limits{}, &memory), nil)
	in := wire(Server, f(fin|1, hello), f(fin|9, "p"), f(2, ""), f(fin, "last"))
	for at := 0; at < len(in); {
		e, n, err := r.Next(in[at:])
		require.NoError(t, err)
		at += n
		require.Same(t, &in[at-1], &e.Payload[len(e.Payload)-1])
		require.Equal(t, len(e.Payload), cap(e.Payload), "appending to a view must not reach the next frame")
	}
	require.Zero(t, memory.got)
}

// TestMemoryFollowsData: a header that announces much makes the Reader ask for little.
func TestMemoryFollowsData(t *testing.T) {
	var most int
	limits := Limits{MessageBytesMax: 1 << 28}
	r := NewReader(NewReaderConfig(Client, limits, measure{&most}), nil)
	in := AppendHeader(nil, Header{Fin: true, Opcode: Binary, Length: 1 << 28})
	_, _, err := r.Next(append(in, make([]byte, 1000)...))
	require.Equal(t, ErrNeedMore, err)
	require.LessOrEqual(t, most, 2000)
	_, _, err = r.Next(make([]byte, 100_000))
	require.Equal(t, ErrNeedMore, err)
	require.LessOrEqual(t, most, 202_000)
}

// TestMemoryOfManyFragments: a compressed message may be longer on the wire than inflated, and there, too, memory grows by
// factors: else a byte more would cost a copy of all before it.
func TestMemoryOfManyFragments(t *testing.T) {
	var memory sum
	limits := Limits{MessageBytesMax: 1 << 16}
	r := NewReader(NewReaderConfig(Client, limits, &memory), new(Inflater))
	in := append(AppendHeader(nil, Header{Opcode: Binary, RSV: RSV1, Length: 1 << 16}), make([]byte, 1<<16)...)
	for range 10_000 {
		in = append(in, "\x00\x01x"...)
	}
	_, _, err := r.Next(in)
	require.Equal(t, ErrNeedMore, err)
	require.Less(t, int(memory), 16<<16)
}

// sum counts all that is asked for.
type sum int

func (s *sum) Get(capacity int) []byte {
	*s += sum(capacity)
	return make([]byte, 0, capacity)
}

func (s *sum) Put([]byte) {}

type measure struct{ most *int }

func (m measure) Get(capacity int) []byte {
	*m.most = max(*m.most, capacity)
	return make([]byte, 0, capacity)
}

func (m measure) Put([]byte) {}
