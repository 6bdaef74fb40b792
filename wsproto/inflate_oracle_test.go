package wsproto

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// farthest inflates by RFC 1951, bit by bit and with nothing clever, and says how far back the stream refers. It is
// given the payload of a message with the end that goes without saying, and all of the past.
func farthest(stream string, past []byte) (out []byte, distance int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	at := 0
	bit := func() int {
		if at >= 8*len(stream) {
			panic("no more bits")
		}
		b := int(stream[at/8]>>(at%8)) & 1
		at++
		return b
	}
	number := func(bits int) (n int) {
		for i := range bits {
			n |= bit() << i
		}
		return n
	}
	type code struct{ length, bits int }
	table := func(lengths []int) map[code]int {
		symbols := map[code]int{}
		next := 0
		for length := 1; length < 16; length++ {
			for symbol, l := range lengths {
				if l == length {
					symbols[code{length, next}] = symbol
					next++
				}
			}
			next <<= 1
		}
		return symbols
	}
	symbol := func(t map[code]int) int {
		c := code{}
		for c.length < 16 {
			c = code{c.length + 1, c.bits<<1 | bit()}
			if s, ok := t[c]; ok {
				return s
			}
		}
		panic("no such code")
	}
	all := append([]byte(nil), past...)
	for at < 8*len(stream) {
		bit() // final
		var literals, distances map[code]int
		switch number(2) {
		case 0:
			at = (at + 7) / 8 * 8
			n := number(16)
			if number(16) != n^0xffff {
				panic("length of a stored block")
			}
			all = append(all, stream[at/8:at/8+n]...)
			at += 8 * n
			continue
		case 1:
			var l [288]int
			for i := range l {
				l[i] = []int{8, 9, 7, 8}[btoi(i >= 144)+btoi(i >= 256)+btoi(i >= 280)]
			}
			literals = table(l[:])
			distances = table([]int{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5})
		case 2:
			nl, nd, nc := number(5)+257, number(5)+1, number(4)+4
			var l [19]int
			for _, i := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:nc] {
				l[i] = number(3)
			}
			lengths := table(l[:])
			var both []int
			for len(both) < nl+nd {
				switch s := symbol(lengths); s {
				case 16:
					for range 3 + number(2) {
						both = append(both, both[len(both)-1])
					}
				case 17:
					both = append(both, make([]int, 3+number(3))...)
				case 18:
					both = append(both, make([]int, 11+number(7))...)
				default:
					both = append(both, s)
				}
			}
			literals, distances = table(both[:nl]), table(both[nl:])
		default:
			panic("block of type 3")
		}
		for {
			s := symbol(literals)
			if s < 256 {
				all = append(all, byte(s))
				continue
			}
			if s == 256 {
				break
			}
			length := 258
			if s < 285 {
				s -= 257
				extra := max(0, s/4-1)
				length = 3 + s
				if extra > 0 {
					length = 3 + (4+s%4)<<extra + number(extra)
				}
			}
			d := symbol(distances)
			back := d + 1
			if extra := max(0, d/2-1); extra > 0 {
				back = 1 + (2+d%2)<<extra + number(extra)
			}
			distance = max(distance, back)
			for range length {
				all = append(all, all[len(all)-back])
			}
		}
	}
	return all[len(past):], distance, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// prose is text with much to refer to, near and far.
func prose(n int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"symbol":"S%03d","price":%d.%02d}`, i, i*7919%1000, i*31%500, i*17%100)
	}
	return []byte(b.String()[:n])
}

// TestWindowIsKept: whatever window was agreed on, no reference reaches farther back, in a message and across messages;
// and where the context is not kept, none reaches into another message.
func TestWindowIsKept(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		for _, keeps := range []bool{true, false} {
			agreed := Params{ServerMaxWindowBits: bits, ServerNoContextTakeover: !keeps}
			d := NewDeflater(Server, agreed, 1)
			i := NewInflater(Client, agreed)
			var past []byte
			beyond := false
			for _, n := range []int{1, 200, 40, 5000, 1000, 70_000, 300, 300} {
				message := prose(n)
				payload := d.Append(nil, message)
				var context []byte
				if keeps {
					context = past
				}
				out, distance, err := farthest(string(payload)+flushed, context)
				require.NoError(t, err)
				require.Equal(t, string(message), string(out))
				require.LessOrEqual(t, distance, 1<<bits)
				beyond = beyond || distance > n
				past = append(past, message...)
				got, err := i.Append(nil, payload, n)
				require.NoError(t, err)
				require.Equal(t, string(message), string(got))
			}
			if keeps && bits > 9 {
				require.True(t, beyond, "bits %d: nothing was ever referred to across messages", bits)
			}
		}
	}
	_, _, err := farthest("\xf2\x00\x11\x00\x00"+flushed, nil)
	require.Error(t, err)
}
