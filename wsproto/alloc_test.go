package wsproto

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestAllocations: no message costs an allocation, in one piece or in many, with control frames and fragments, as long
// as it is not compressed and Buffers has what is asked for.
func TestAllocations(t *testing.T) {
	text := string(prose(4000))
	stream := wire(Server, append(append(cut(1, text, 900), f(fin|9, "ping")), f(fin|1, text), f(fin|2, ""), f(fin|10, "p"))...)
	for _, step := range []int{len(stream), 1000, 7} {
		var memory reuse
		memory.b = make([]byte, 0, 16384)
		r, w := NewReader(NewReaderConfig(Server, Limits{}, &memory), nil), NewWriter(nil)
		in, out := make([]byte, len(stream)), make([]byte, 0, 2*len(stream))
		messages := 0
		allocations := testing.AllocsPerRun(20, func() {
			copy(in, stream)
			out = out[:0]
			for rest := in; len(rest) > 0; {
				piece := rest[:min(step, len(rest))]
				rest = rest[len(piece):]
				for {
					e, n, err := r.Next(piece)
					if piece = piece[n:]; err != nil {
						break
					}
					if messages++; e.Opcode == Ping {
						out, _ = w.Pong(out, e.Payload)
					} else if !e.Opcode.Control() {
						out = w.Message(out, e.Opcode, e.Payload)
					}
				}
			}
		})
		require.Zero(t, allocations, "in pieces of %d", step)
		require.Equal(t, 21*5, messages)
	}
}

// TestIdleSize: what a connection has of this package while nothing happens.
func TestIdleSize(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Reader{}), uintptr(168))
	require.LessOrEqual(t, unsafe.Sizeof(Writer{}), uintptr(24))
	require.LessOrEqual(t, unsafe.Sizeof(Deflater{}), uintptr(48))
	require.LessOrEqual(t, unsafe.Sizeof(Inflater{}), uintptr(32))
}

// TestIdleContext: what stays of messages that were compressed, at any time: the window that was agreed on, 8 KB of what was
// sent, and nothing where no context is kept.
func TestIdleContext(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		for _, alone := range []bool{false, true} {
			agreed := Params{alone, alone, bits, bits}
			d, i := NewDeflater(Server, agreed, 1), NewInflater(Client, agreed)
			most := 1 << bits
			if alone {
				most = 0
			}
			for _, n := range []int{1, 10, 100, 1000, 10_000, 100, 20_000, 3000, 100_000, 5} {
				_, err := i.Append(nil, d.Append(nil, prose(n)), n)
				require.NoError(t, err)
				require.LessOrEqual(t, cap(d.past.bytes), min(most, takeoverBytesMax))
				require.LessOrEqual(t, cap(i.past.bytes), most)
			}
			require.Len(t, d.past.bytes, min(most, takeoverBytesMax))
			require.Len(t, i.past.bytes, most)
		}
	}
}
