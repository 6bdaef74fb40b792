package wsproto

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// noise does not become smaller.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(5, 6))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// TestLimitExactly: a message of the limit passes, whatever it is, however it was compressed and cut; one byte more ends the
// connection with 1009. FrameBytesMax is left alone: what deflate adds to noise must not count.
func TestLimitExactly(t *testing.T) {
	for _, n := range []int{1, 125, 1000, 65535, 100_000} {
		for name, message := range map[string][]byte{"noise": noise(n + 1), "prose": prose(n + 1), "zeros": make([]byte, n+1)} {
			frames := map[string]func(m []byte) []byte{}
			frames["plain"] = func(m []byte) []byte { return wire(Server, f(fin|2, string(m))) }
			frames["plain in fragments"] = func(m []byte) []byte { return wire(Server, cut(2, string(m), n/3+1)...) }
			for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
				frames[fmt.Sprint("deflate ", level)] = func(m []byte) []byte {
					var b bytes.Buffer
					d, _ := flate.NewWriter(&b, level)
					d.Write(m)
					d.Flush()
					return wire(Server, cut(0x42, string(bytes.TrimSuffix(b.Bytes(), []byte(flushed))), n/2+1)...)
				}
			}
			for _, step := range []int{1, 10, 1000} { // each fragment is flushed
				if n/step > 130 {
					continue
				}
				for _, agreed := range []Params{{}, {ClientMaxWindowBits: 8}} {
					frames[fmt.Sprint("deflate in fragments of ", step, agreed)] = func(m []byte) (b []byte) {
						w := NewClientWriter(NewDeflater(Client, agreed, 1), func() uint32 { return 0x01020304 })
						for ; len(m) > step; m = m[step:] {
							b = w.Fragment(b, Binary, false, m[:step])
						}
						return w.Fragment(b, Binary, true, m)
					}
				}
			}
			for how, frames := range frames {
				read := func(m []byte) (Event, error) {
					r := NewReader(NewReaderConfig(Server, Limits{MessageBytesMax: n}, nil), NewInflater(Server, Params{}))
					e, _, err := r.Next(frames(m))
					return e, err
				}
				e, err := read(message[:n])
				require.NoError(t, err, "%d of %s, %s", n, name, how)
				require.True(t, bytes.Equal(message[:n], e.Payload))
				_, err = read(message)
				require.IsType(t, (*Error)(nil), err, "%d of %s, %s", n+1, name, how)
				require.Equal(t, MessageTooBig, err.(*Error).Code)
			}
		}
	}
}

// TestLimitsOfAnySize: no limit is too large, and what is below 1 is the default.
func TestLimitsOfAnySize(t *testing.T) {
	stream := wire(Server, append(cut(0x42, stdDeflate("", string(prose(3000))), 100), f(fin|9, "p"), f(fin|2, "plain"))...)
	for _, n := range []int{math.MinInt, -1, 0, 10_000, math.MaxInt / 4, math.MaxInt/2 + 1, math.MaxInt - 1, math.MaxInt} {
		limits := Limits{n, n, n}
		r := NewReader(NewReaderConfig(Server, limits, nil), NewInflater(Server, Params{}))
		in := bytes.Clone(stream)
		for _, want := range []string{string(prose(3000)), "p", "plain"} {
			e, k, err := r.Next(in)
			require.NoError(t, err)
			require.Equal(t, want, string(e.Payload))
			in = in[k:]
		}
		filled := limits.withDefaults()
		require.Greater(t, filled.wireMax(filled.FragmentsMax), filled.MessageBytesMax)
		require.GreaterOrEqual(t, filled.FrameBytesMax, filled.MessageBytesMax)
		most := AppendHeader(nil, Header{Fin: true, Opcode: Binary, Masked: true, Length: math.MaxInt64})
		_, _, err := r.Next(most)
		require.Equal(t, MessageTooBig, err.(*Error).Code)
	}
	for _, n := range []int{math.MaxInt, math.MaxInt - 1, math.MaxInt - 3, math.MaxInt - 4, math.MaxInt - 5, math.MaxInt - 100, 5} {
		got, err := new(Inflater).Append([]byte("abc"), []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), n)
		require.NoError(t, err, n)
		require.Equal(t, "abcHello", string(got))
	}
	for _, n := range []int{4, 0, -1, -2, math.MinInt} {
		got, err := new(Inflater).Append([]byte("abc"), []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), n)
		require.Equal(t, ErrInflatedSize, err, n)
		require.Equal(t, "abc", string(got))
	}
}

// TestFragmentsHighest: the count of fragments stops below what it can hold.
func TestFragmentsHighest(t *testing.T) {
	r := NewReader(NewReaderConfig(Client, Limits{FragmentsMax: math.MaxInt}, nil), nil)
	_, _, err := r.Next([]byte("\x02\x00"))
	require.Equal(t, ErrNeedMore, err)
	r.fragments = fragmentsHighest - 1
	_, _, err = r.Next([]byte("\x00\x00"))
	require.Equal(t, ErrNeedMore, err)
	_, _, err = r.Next([]byte("\x00\x00"))
	require.Equal(t, ErrFragments, err)
}
