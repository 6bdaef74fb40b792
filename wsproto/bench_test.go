package wsproto

import (
	"encoding/binary"
	"fmt"
	"testing"
	"unicode/utf8"
)

// BenchmarkMask: the fast one beside one that takes a word a round, one that takes four, and its slow twin, at an odd address.
func BenchmarkMask(b *testing.B) {
	for _, n := range []int{7, 64, 125, 1024, 4096, 65536} {
		p := make([]byte, n+1)[1:]
		for _, way := range []struct {
			name string
			mask func()
		}{
			{"Mask", func() { Mask(p, 0x12345678) }},
			{"four words", func() { maskFour(p, 0x12345678) }},
			{"one word", func() { maskOne(p, 0x12345678) }},
			{"bytes", func() { slowMask(p, [4]byte{0x78, 0x56, 0x34, 0x12}) }},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, way.name), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					way.mask()
				}
			})
		}
	}
}

func maskFour(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		w := b[:32:32]
		binary.LittleEndian.PutUint64(w, binary.LittleEndian.Uint64(w)^wide)
		binary.LittleEndian.PutUint64(w[8:], binary.LittleEndian.Uint64(w[8:])^wide)
		binary.LittleEndian.PutUint64(w[16:], binary.LittleEndian.Uint64(w[16:])^wide)
		binary.LittleEndian.PutUint64(w[24:], binary.LittleEndian.Uint64(w[24:])^wide)
		b = b[32:]
	}
	maskOne(b, key)
}

func maskOne(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i & 3)))
	}
}

func BenchmarkUTF8(b *testing.B) {
	ascii := prose(4096)
	mixed := []byte{}
	for len(mixed) < 4096 {
		mixed = append(mixed, hello...)
	}
	for name, p := range map[string][]byte{"ascii": ascii, "mixed": mixed} {
		b.Run(name+"/stream", func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				var u UTF8
				u.Valid(p)
			}
		})
		b.Run(name+"/unicode.utf8", func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				utf8.Valid(p)
			}
		})
	}
}

func BenchmarkParseHeader(b *testing.B) {
	for _, n := range []int64{64, 4096, 1 << 20} {
		h := AppendHeader(nil, Header{Fin: true, Opcode: Binary, Masked: true, Key: 1, Length: n})
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				ParseHeader(h)
			}
		})
	}
}

// BenchmarkEcho is what a server does for each message besides I/O: read, unmask, validate, frame. The 14 bytes and the payload
// are put back each time, because unmasking changes them; that is in the figure.
func BenchmarkEcho(b *testing.B) {
	for _, opcode := range []Opcode{Text, Binary} {
		for _, n := range []int{64, 4096} {
			for _, pieces := range []int{1, 2} {
				name := fmt.Sprintf("%s/%d/in %d", map[Opcode]string{Text: "text", Binary: "binary"}[opcode], n, pieces)
				b.Run(name, func(b *testing.B) {
					wire := wire(Server, f(fin|byte(opcode), string(prose(n))))
					in, out := make([]byte, len(wire)), make([]byte, 0, 2*n)
					var memory reuse
					r, w := NewReader(NewReaderConfig(Server, Limits{}, &memory), nil), NewWriter(nil)
					b.SetBytes(int64(n))
					b.ReportAllocs()
					for b.Loop() {
						copy(in, wire)
						if pieces == 2 {
							r.Next(in[:n/2])
							e, _, _ := r.Next(in[n/2:])
							out = w.Message(out[:0], e.Opcode, e.Payload)
						} else {
							e, _, _ := r.Next(in)
							out = w.Message(out[:0], e.Opcode, e.Payload)
						}
						r.Next(nil)
					}
					if len(out) != len(wire)-4 {
						b.Fatal(len(out))
					}
				})
			}
		}
	}
}

// reuse keeps one buffer, as a loop's free list does.
type reuse struct{ b []byte }

func (s *reuse) Get(capacity int) []byte {
	if b := s.b; cap(b) >= capacity {
		s.b = nil
		return b
	}
	return make([]byte, 0, max(capacity, 8192))
}

func (s *reuse) Put(b []byte) { s.b = b }

// BenchmarkDeflate: what a level costs and gains, and what the context does; "kept" is how much a Deflater remembers. The
// messages are alike but not the same, and come back only when the largest window has long passed.
func BenchmarkDeflate(b *testing.B) {
	for _, n := range []int{256, 1024, 4096} {
		all := prose(1 << 20)
		for _, level := range []int{1, 3, 6} {
			for _, kept := range []int{0, 2 << 10, takeoverBytesMax, windowBytesMax} {
				b.Run(fmt.Sprintf("%d/level %d/kept %d", n, level, kept), func(b *testing.B) {
					d := Deflater{bits: 15, level: level, past: history{size: kept}}
					var out []byte
					i, in, packed := 0, 0, 0
					b.SetBytes(int64(n))
					b.ReportAllocs()
					for b.Loop() {
						out = d.Append(out[:0], all[i*n%len(all):][:n])
						i, in, packed = i+1, in+n, packed+len(out)
					}
					b.ReportMetric(float64(packed)/float64(in), "ratio")
				})
			}
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, n := range []int{256, 4096} {
		for _, agreed := range []Params{{}, {ServerNoContextTakeover: true}} {
			b.Run(fmt.Sprintf("%d/context %v", n, !agreed.ServerNoContextTakeover), func(b *testing.B) {
				message := prose(n)
				payload := NewDeflater(Server, Params{ServerNoContextTakeover: true}, 1).Append(nil, message)
				i := NewInflater(Client, agreed)
				var out []byte
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					out, _ = i.Append(out[:0], payload, n)
				}
				if len(out) != n {
					b.Fatal(len(out))
				}
			})
		}
	}
}

// BenchmarkPrepared is the share of one of many subscribers.
func BenchmarkPrepared(b *testing.B) {
	p := Prepare(Text, prose(1024), 1)
	for name, d := range map[string]*Deflater{
		"plain": nil, "deflate": NewDeflater(Server, Params{ServerNoContextTakeover: true}, 1), "deflate with context": NewDeflater(Server, Params{}, 1),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Frame(d)
			}
		})
	}
}

// BenchmarkOpening is one handshake on the server's side.
func BenchmarkOpening(b *testing.B) {
	var fields [][2][]byte
	for _, f := range request("+Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "+Origin: https://example.com", "+User-Agent: x") {
		fields = append(fields, [2][]byte{[]byte(f[0]), []byte(f[1])})
	}
	get, proto := []byte("GET"), []byte("HTTP/1.1")
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		var o Opening
		for _, f := range fields {
			o.Field(f[0], f[1])
		}
		if err := o.Check(get, proto); err != nil {
			b.Fatal(err)
		}
		agreed, _ := o.Deflate(Params{ServerNoContextTakeover: true})
		out = o.AppendAnswer(out[:0], "", &agreed)
	}
}
