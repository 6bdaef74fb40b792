package wsproto

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// slowMask is RFC 6455, section 5.3, word by word: j = i MOD 4.
func slowMask(b []byte, key [4]byte) {
	for i := range b {
		b[i] ^= key[i%4]
	}
}

// TestMaskOracle: all lengths to 300, all places in a word, all beginnings in the key, in one piece and in two.
func TestMaskOracle(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	memory := make([]byte, 400)
	for n := range 300 {
		for at := range 8 {
			key := random.Uint32()
			var bytesOfKey [4]byte
			binary.LittleEndian.PutUint32(bytesOfKey[:], key)
			for i := range memory {
				memory[i] = byte(random.Uint32())
			}
			before := bytes.Clone(memory)
			want := bytes.Clone(memory)
			slowMask(want[at:at+n], bytesOfKey)
			for _, mask := range []func([]byte, uint32){func(b []byte, key uint32) { Mask(b, key) }, maskFour, maskOne} {
				copy(memory, before)
				mask(memory[at:at+n], key)
				require.Equal(t, want, memory, "%d bytes at %d", n, at)
			}
			copy(memory, before)
			half := random.IntN(n + 1)
			Mask(memory[at+half:at+n], Mask(memory[at:at+half], key))
			require.Equal(t, want, memory, "%d bytes at %d, cut at %d", n, at, half)
		}
	}
}

// beginnings has every proper prefix of every character.
var beginnings = func() map[string]bool {
	m := map[string]bool{}
	for r := rune(0x80); r <= utf8.MaxRune; r++ {
		for s, n := string(r), 1; n < len(s); n++ {
			m[s[:n]] = true
		}
	}
	return m
}()

// slowText reports whether b can be the beginning of a text, and whether it can be all of it.
func slowText(b []byte) (possible, complete bool) {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return beginnings[string(b)], false
		}
		b = b[n:]
	}
	return true, true
}

// TestUTF8Oracle: all leading bytes with all second bytes, and a third and fourth from the edges of what may be.
func TestUTF8Oracle(t *testing.T) {
	edges := []byte{0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff}
	judge := func(b ...byte) {
		var u UTF8
		got := u.Valid(b)
		possible, complete := slowText(b)
		if got != possible || got && u.Complete() != complete {
			t.Fatalf("%q: %v %v", b, got, u.Complete())
		}
		u = UTF8{}
		got = true
		for i := range b {
			got = got && u.Valid(b[i:i+1])
		}
		if got != possible || got && u.Complete() != complete {
			t.Fatalf("%q bytewise: %v %v", b, got, u.Complete())
		}
	}
	for first := 0x70; first < 256; first++ {
		judge(byte(first))
		for second := 0; second < 256; second++ {
			judge(byte(first), byte(second))
		}
		for _, second := range edges {
			for _, third := range edges {
				judge(byte(first), second, third)
				judge('a', byte(first), second, third)
			}
		}
	}
	for _, first := range []byte{0xf0, 0xf1, 0xf4, 0xf5} {
		for _, second := range edges {
			for _, third := range edges {
				for _, fourth := range edges {
					judge(first, second, third, fourth)
				}
			}
		}
	}
}

// stdDeflate compresses with the standard library, as a message whose context is past.
func stdDeflate(past, s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriterDict(&b, 6, []byte(past))
	io.WriteString(w, s)
	w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// slowReader reads all bytes at once, with all of the past at hand, one rule after the other as RFC 6455 has them.
func slowReader(s *session, b []byte) string {
	var events []string
	end := func(rule string) string { return strings.Join(append(events, "! "+rule), "\n") }
	limits := s.limits.withDefaults()
	var message, past []byte
	kind, packed, fragments := byte(0), false, 0
	for len(b) >= 2 {
		final, rsv, op, masked, n, at := b[0]>>7, b[0]>>4&7, b[0]&15, b[1]>>7 == 1, uint64(b[1]&127), 2
		switch {
		case op > 2 && op < 8 || op > 10:
			return end("opcode")
		case op >= 8 && final == 0:
			return end("control-fragmented")
		case op >= 8 && n > 125:
			return end("control-size")
		}
		width := map[uint64]int{126: 2, 127: 8}[n]
		if len(b) < at+width {
			break
		}
		if width > 0 {
			n = 0
			for _, c := range b[2 : 2+width] {
				n = n<<8 | uint64(c)
			}
			if n>>63 == 1 {
				return end("length-overflow")
			}
			if n < 126 || width == 8 && n < 1<<16 {
				return end("length-not-minimal")
			}
		}
		at += width
		var key [4]byte
		if masked {
			if len(b) < at+4 {
				break
			}
			copy(key[:], b[at:])
			at += 4
		}
		switch {
		case rsv&3 != 0 || rsv != 0 && !s.deflate:
			return end("reserved-bits")
		case rsv != 0 && op != 1 && op != 2:
			return end("compressed-bit")
		case s.role == Server && !masked:
			return end("unmasked")
		case s.role == Client && masked:
			return end("masked")
		case op == 0 && kind == 0:
			return end("no-message")
		case op < 3 && op > 0 && kind != 0:
			return end("in-message")
		}
		if op == 1 || op == 2 {
			kind, packed, fragments, message = op, rsv != 0, 0, nil
		}
		if op < 3 {
			fragments++
			most := limits.MessageBytesMax
			if packed {
				most = limits.wireMax(fragments)
			}
			switch {
			case n > uint64(limits.FrameBytesMax):
				return end("frame-size")
			case uint64(len(message))+n > uint64(most):
				return end("message-size")
			case fragments > limits.FragmentsMax:
				return end("fragment-count")
			}
		}
		there := min(n, uint64(len(b)-at))
		payload := bytes.Clone(b[at : at+int(there)])
		slowMask(payload, key)
		b = b[at+int(there):]
		if op < 3 {
			message = append(message, payload...)
			if possible, complete := slowText(message); kind == 1 && !packed && (!possible || final == 1 && there == n && !complete) {
				return end("text-utf8")
			}
		}
		if there < n {
			break
		}
		if op >= 8 {
			e := Event{Opcode: Opcode(op), Payload: payload}
			if op == 8 {
				e.Code = 1005
				if n == 1 {
					return end("close-size")
				}
				if n > 1 {
					e.Code, e.Payload = CloseCode(binary.BigEndian.Uint16(payload)), payload[2:]
					c := e.Code
					if c < 1000 || c > 4999 || c > 1014 && c < 3000 || c == 1004 || c == 1005 || c == 1006 {
						return end("close-code")
					}
					if !utf8.Valid(e.Payload) {
						return end("close-reason-utf8")
					}
				}
				return strings.Join(append(events, show(e)), "\n")
			}
			events = append(events, show(e))
		} else if final == 1 {
			e := Event{Opcode: Opcode(kind), Payload: message}
			if packed {
				out, rule := slowInflate(message, past, limits.MessageBytesMax)
				if rule != "" {
					return end(rule)
				}
				past, e.Payload = append(past, out...), out
				if kind == 1 && !utf8.Valid(out) {
					return end("text-utf8")
				}
			}
			events = append(events, show(e))
			kind, message = 0, nil
		}
	}
	return strings.Join(events, "\n")
}

// slowInflate uses the standard library, and all of the past.
func slowInflate(payload, past []byte, most int) (out []byte, rule string) {
	in := bytes.NewReader(append(bytes.Clone(payload), tail...))
	for range finalBlocksMax + 1 {
		context := append(bytes.Clone(past), out...)
		more, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(in, context[max(0, len(context)-windowBytesMax):]), int64(most+1-len(out))))
		if out = append(out, more...); len(out) > most {
			return nil, "inflated-size"
		}
		if err != nil || in.Len() < len(tail) && in.Len() != 0 && in.Len() != 5 {
			return nil, "deflate-data"
		}
		if in.Len() <= len(tail) {
			return out, ""
		}
	}
	return nil, "deflate-final"
}

func TestReaderOracle(t *testing.T) {
	for _, s := range sessions() {
		for n := range len(s.wire) + 1 {
			if len(s.wire) > 2000 && n < len(s.wire)-20 && n > 20 {
				continue
			}
			require.Equal(t, slowReader(&s, s.wire[:n]), s.run(nil, s.wire[:n]), "%s, the first %d bytes", s.name, n)
		}
	}
}
