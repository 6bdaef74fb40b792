package wsproto

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unicode/utf8"
)

// FuzzReader: any bytes, in one piece, in pieces of any length, and by the slow twin, come to the same.
func FuzzReader(f *testing.F) {
	for _, s := range sessions() {
		if len(s.wire) < 3000 {
			f.Add(s.wire, s.role == Client, s.deflate, uint16(3))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, client, deflate bool, step uint16) {
		s := session{role: Server, deflate: deflate, limits: small}
		if client {
			s.role = Client
		}
		want := slowReader(&s, b)
		var memory stock
		if got := s.run(&memory, b); got != want {
			t.Fatalf("%q\n%s\nslow twin:\n%s", b, got, want)
		}
		var pieces [][]byte
		for rest := b; len(rest) > 0; {
			n := min(len(rest), int(step)%100+1)
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		if got := s.run(&memory, pieces...); got != want {
			t.Fatalf("%q in %d\n%s\nwhole:\n%s", b, step%100+1, got, want)
		}
	})
}

// FuzzBothWays: any message, written with any parameters in fragments of any length, is read as what it was.
func FuzzBothWays(f *testing.F) {
	f.Add([]byte(hello), uint8(0), uint16(3), uint32(0x12345678))
	f.Add([]byte("0"), uint8(2), uint16(0), uint32(0)) // longer on the wire than the bound of what is inflated
	f.Add(prose(1000), uint8(2), uint16(0), uint32(0)) // flushed with each byte: the bound grows with the fragments
	f.Add(prose(1000), uint8(0x12), uint16(200), uint32(0))
	f.Add(prose(1000), uint8(0x3f), uint16(2000), uint32(0xffffffff))
	f.Fuzz(func(t *testing.T, message []byte, how uint8, step uint16, key uint32) {
		role := Role(how & 1)
		agreed := Params{how&4 != 0, how&8 != 0, 8 + int(how>>4)&7, 15 - int(how>>4)&7}
		var d *Deflater
		var i *Inflater
		if how&2 != 0 {
			d, i = NewDeflater(role, agreed, int(step)%10), NewInflater(1-role, agreed)
		}
		w := NewWriter(d)
		if role == Client {
			w = NewClientWriter(d, func() uint32 { return key })
		}
		r := NewReader(NewReaderConfig(1-role, Limits{MessageBytesMax: len(message) + 1}, nil), i)
		for range 3 {
			b := w.Message(nil, Binary, message)
			for rest := message; ; {
				n := min(len(rest), int(step)%5000+1)
				b = w.Fragment(b, Binary, n == len(rest), rest[:n])
				if rest = rest[n:]; len(rest) == 0 {
					break
				}
			}
			for range 2 {
				e, n, err := r.Next(b)
				if err != nil || !bytes.Equal(e.Payload, message) {
					t.Fatalf("%q: %q %v", message, e.Payload, err)
				}
				b = b[n:]
			}
		}
	})
}

// FuzzHeader: what is parsed is what would have been written, and nothing is asked for that is not needed.
func FuzzHeader(f *testing.F) {
	for _, s := range sessions() {
		f.Add(s.wire[:min(len(s.wire), HeaderBytesMax)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := ParseHeader(b)
		switch {
		case err == nil && !bytes.Equal(AppendHeader(nil, h), b[:n]):
			t.Fatalf("%x: %+v", b, h)
		case err != nil && n != 0, err == ErrNeedMore && len(b) >= HeaderBytesMax:
			t.Fatalf("%x: %d %v", b, n, err)
		}
	})
}

// FuzzUTF8 judges a text in two pieces, and in single bytes.
func FuzzUTF8(f *testing.F) {
	for _, s := range append(goodTexts, badTexts...) {
		f.Add([]byte(s), uint16(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16) {
		cut := int(at) % (len(b) + 1)
		var u UTF8
		if got := u.Valid(b[:cut]) && u.Valid(b[cut:]) && u.Complete(); got != utf8.Valid(b) {
			t.Fatalf("%q cut at %d: %v", b, cut, got)
		}
		u = UTF8{}
		for i := range min(len(b), 200) { // the slow twin begins anew with each
			possible, _ := slowText(b[:i+1])
			if u.Valid(b[i:i+1]) != possible {
				t.Fatalf("%q: %v expected at %d", b, possible, i)
			}
			if !possible {
				break
			}
		}
	})
}

// FuzzMask compares with the slow twin, in two pieces.
func FuzzMask(f *testing.F) {
	f.Add(prose(300), uint32(0x01020304), uint16(77))
	f.Fuzz(func(t *testing.T, b []byte, key uint32, at uint16) {
		cut := int(at) % (len(b) + 1)
		want := bytes.Clone(b)
		slowMask(want, [4]byte(binary.LittleEndian.AppendUint32(nil, key)))
		Mask(b[cut:], Mask(b[:cut], key))
		if !bytes.Equal(b, want) {
			t.Fatalf("%q", b)
		}
	})
}

// FuzzExtensions: no offer is answered with what it does not allow.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits; server_max_window_bits=10", uint8(0))
	f.Add(`x;a="b", permessage-deflate;;, permessage-deflate; server_no_context_takeover`, uint8(255))
	f.Fuzz(func(t *testing.T, line string, how uint8) {
		o := openingOf(request("+Sec-WebSocket-Extensions: " + line))
		err := o.Check([]byte("GET"), []byte("HTTP/1.1"))
		if err != nil && err != ErrExtList {
			t.Fatal(err)
		}
		agreed, ok := o.Deflate(Params{how&1 != 0, how&2 != 0, 8 + int(how>>2)&7, 8 + int(how>>5)})
		if !ok {
			return
		}
		allowed := false
		s := scanner{rest: []byte(line)}
		for name, params := s.element(nil); name != nil; name, params = s.element(nil) {
			var offer Params
			allowed = allowed || string(name) == extensionName && offer.read(params, true) && offer.agrees(agreed)
		}
		if !allowed {
			t.Fatalf("%q: %+v", line, agreed)
		}
	})
}
