package wsproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// session is what one side sends, and what the other side's Reader makes of it. Tables, cuts, slow twin and fuzz
// targets all use the same ones.
type session struct {
	name    string
	role    Role // of the Reader
	deflate bool
	limits  Limits
	wire    []byte
	want    string // events, and the error that ends them, if any
}

// small limits, so that breaking them takes few bytes.
var small = Limits{MessageBytesMax: 1000, FrameBytesMax: 800, FragmentsMax: 5}

// frame is one as it goes over the wire.
type frame struct {
	first   byte // FIN, RSV, opcode
	payload string
}

const fin = 0x80

func f(first byte, payload string) frame { return frame{first, payload} }

// wire writes frames without any code of the package's. For a server they are masked, with different keys.
func wire(role Role, frames ...frame) (b []byte) {
	for i, f := range frames {
		n := len(f.payload)
		masked := byte(0)
		if role == Server {
			masked = 0x80
		}
		switch {
		case n < 126:
			b = append(b, f.first, masked|byte(n))
		case n < 1<<16:
			b = binary.BigEndian.AppendUint16(append(b, f.first, masked|126), uint16(n))
		default:
			b = binary.BigEndian.AppendUint64(append(b, f.first, masked|127), uint64(n))
		}
		if role == Server {
			key := [4]byte{byte(0x11 * (i + 1)), 0xa5, byte(i), 0xff}
			b = append(b, key[:]...)
			for j := range n {
				b = append(b, f.payload[j]^key[j%4])
			}
		} else {
			b = append(b, f.payload...)
		}
	}
	return b
}

func closing(code int, reason string) frame {
	return f(fin|8, string([]byte{byte(code >> 8), byte(code)})+reason)
}

// show renders an event. Long payloads keep their beginning and their length.
func show(e Event) string {
	names := map[Opcode]string{Text: "text", Binary: "binary", Close: "close", Ping: "ping", Pong: "pong"}
	var payload string
	if len(e.Payload) > 40 {
		payload = fmt.Sprintf("%q+%d", e.Payload[:20], len(e.Payload)-20)
	} else {
		payload = fmt.Sprintf("%q", e.Payload)
	}
	if e.Opcode == Close {
		return fmt.Sprintf("close %d %s", e.Code, payload)
	}
	return names[e.Opcode] + " " + payload
}

func shown(err error) string {
	var rule *Error
	if errors.As(err, &rule) {
		return "! " + rule.Rule
	}
	return "! " + err.Error()
}

func (s *session) reader(buffers Buffers) Reader {
	var inflater *Inflater
	if s.deflate {
		inflater = NewInflater(s.role, Params{})
	}
	return NewReader(NewReaderConfig(s.role, s.limits, buffers), inflater)
}

// run gives the pieces to a Reader, each in memory that is overwritten afterwards, and returns what it shows. It stops
// at the first error.
func (s *session) run(buffers Buffers, pieces ...[]byte) string {
	r := s.reader(buffers)
	var events []string
	for _, piece := range pieces {
		in := bytes.Clone(piece)
		for rest := in; ; {
			e, n, err := r.Next(rest)
			rest = rest[n:]
			if err == ErrNeedMore {
				if len(rest) > 0 {
					return "ErrNeedMore with bytes left"
				}
				break
			}
			if err == ErrClosed && len(rest) == 0 {
				break
			}
			if err != nil {
				if _, _, again := r.Next(nil); again != err {
					return "an error that does not stay"
				}
				return strings.Join(append(events, shown(err)), "\n")
			}
			events = append(events, show(e))
		}
		for i := range in {
			in[i] = 0xdb
		}
	}
	return strings.Join(events, "\n")
}

const hello = "H\xc3\xa4llo, W\xc3\xb6rld \xf0\x9f\x90\xa6" // characters of one, two and four bytes

// cut returns s in n-byte fragments.
func cut(opcode byte, s string, n int) (frames []frame) {
	for first := opcode; ; first = 0 {
		if len(s) <= n {
			return append(frames, f(first|fin, s))
		}
		frames = append(frames, f(first, s[:n]))
		s = s[n:]
	}
}

// sessions returns them all, for servers, and those that may be read by a client too for clients as well.
func sessions() (all []session) {
	add := func(name, want string, limits Limits, deflate bool, frames ...frame) {
		for _, role := range []Role{Server, Client} {
			side := map[Role]string{Server: "server/", Client: "client/"}[role]
			all = append(all, session{side + name, role, deflate, limits, wire(role, frames...), want})
		}
	}
	plain := func(name, want string, frames ...frame) { add(name, want, small, false, frames...) }
	packed := func(name, want string, frames ...frame) { add(name, want, small, true, frames...) }
	raw := func(name string, role Role, want, b string) {
		all = append(all, session{name, role, false, small, []byte(b), want})
	}
	lines := func(s ...string) string { return strings.Join(s, "\n") }
	long := strings.Repeat("0123456789", 70)
	longWant := `"01234567890123456789"+680`

	// Messages.
	plain("nothing", "")
	plain("text", `text "Hello"`, f(fin|1, "Hello"))
	plain("text of many bytes each", fmt.Sprintf("text %q", hello), f(fin|1, hello))
	plain("binary", `binary "\x00\xff\xfe"`, f(fin|2, "\x00\xff\xfe"))
	plain("empty", lines(`text ""`, `binary ""`), f(fin|1, ""), f(fin|2, ""))
	plain("length of 16 bits", "text "+longWant, f(fin|1, long))
	add("length of 64 bits", `text "xxxxxxxxxxxxxxxxxxxx"+65519`, Limits{MessageBytesMax: 1 << 17}, false, f(1, strings.Repeat("x", 1<<16)), f(fin, "end"))
	plain("several", lines(`text "a"`, `binary "b"`, `text "c"`), f(fin|1, "a"), f(fin|2, "b"), f(fin|1, "c"))
	plain("fragments", fmt.Sprintf("text %q", hello), cut(1, hello, 5)...)
	plain("fragments of nothing", `text ""`, f(1, ""), f(0, ""), f(fin, ""))
	plain("fragments, then all in the last", `binary "all"`, f(2, ""), f(0, ""), f(fin, "all"))
	plain("fragments, all in the first", `binary "all"`, f(2, "all"), f(0, ""), f(fin, ""))
	plain("two fragmented messages", lines(`text "abcd"`, `binary "efgh"`), append(cut(1, "abcd", 1), cut(2, "efgh", 2)...)...)
	plain("an unfinished message", "", f(1, "abc"), f(0, "def"))

	// Control frames.
	plain("ping and pong", lines(`ping ""`, `ping "x"`, `pong "y"`, `pong ""`), f(fin|9, ""), f(fin|9, "x"), f(fin|10, "y"), f(fin|10, ""))
	plain("ping of 125", `ping "pppppppppppppppppppp"+105`, f(fin|9, strings.Repeat("p", 125)))
	plain("ping of 126", "! control-size", f(fin|9, strings.Repeat("p", 126)))
	plain("close of 126", "! control-size", closing(1000, strings.Repeat("p", 124)))
	plain("between fragments", lines(`ping "p"`, `pong "q"`, `text "abcd"`, `text "e"`), f(1, "ab"), f(fin|9, "p"), f(0, "c"), f(fin|10, "q"), f(fin, "d"), f(fin|1, "e"))
	plain("before the first byte of a message", lines(`ping "p"`, `text "abcd"`), f(1, ""), f(fin|9, "p"), f(fin, "abcd"))
	plain("close between fragments", `close 1000 ""`, f(1, "ab"), closing(1000, ""), f(fin, "c"))
	plain("fragmented ping", "! control-fragmented", f(9, "x"), f(fin, "y"))
	plain("fragmented close", "! control-fragmented", f(8, ""))

	// Close.
	plain("close without code", `close 1005 ""`, f(fin|8, ""))
	plain("close with reason", `close 1001 "Wörld"`, closing(1001, "W\xc3\xb6rld"))
	plain("close with 123", `close 3000 "rrrrrrrrrrrrrrrrrrrr"+103`, closing(3000, strings.Repeat("r", 123)))
	plain("close of one byte", "! close-size", f(fin|8, "\x03"))
	plain("reason that is no text", "! close-reason-utf8", closing(1000, "\xce\xba\xff"))
	plain("reason cut in a character", "! close-reason-utf8", closing(1000, "\xce\xba\xe1\xbd"))
	plain("after close", lines(`text "a"`, `close 1000 ""`), f(fin|1, "a"), closing(1000, ""), f(fin|1, "b"), f(3, "c"))
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		plain(fmt.Sprint("close ", code), fmt.Sprintf(`close %d ""`, code), closing(code, ""))
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		plain(fmt.Sprint("close ", code), "! close-code", closing(code, ""))
	}

	// Headers.
	for rsv := byte(1); rsv < 8; rsv++ {
		plain(fmt.Sprint("reserved bits ", rsv), lines(`text "a"`, "! reserved-bits"), f(fin|1, "a"), f(fin|rsv<<4|1, "b"), f(fin|9, ""))
		if rsv != RSV1 {
			packed(fmt.Sprint("reserved bits, deflate ", rsv), "! reserved-bits", f(fin|rsv<<4|1, "b"))
		}
	}
	plain("reserved bits of a ping", "! reserved-bits", f(fin|0x40|9, ""))
	packed("compressed ping", "! compressed-bit", f(fin|0x40|9, ""))
	packed("compressed continuation", "! compressed-bit", f(0x41, ""), f(fin|0x40, "\x00"))
	for op := byte(3); op < 16; op++ {
		if op < 8 || op > 10 {
			plain(fmt.Sprint("opcode ", op), lines(`text "a"`, "! opcode"), f(fin|1, "a"), f(fin|op, "b"))
		}
	}
	plain("continuation of nothing", "! no-message", f(fin, "a"))
	plain("continuation of nothing, without fin", "! no-message", f(0, "a"))
	plain("continuation after the end", lines(`text "ab"`, "! no-message"), f(1, "a"), f(fin, "b"), f(fin, "c"))
	plain("text in a message", "! in-message", f(1, "a"), f(fin|1, "b"))
	plain("binary in a message", "! in-message", f(1, "a"), f(2, "b"))
	raw("server/unmasked", Server, "! unmasked", "\x81\x01a")
	raw("client/masked", Client, "! masked", "\x81\x81\x00\x00\x00\x00a")
	raw("client/16 bits for 125", Client, "! length-not-minimal", "\x82\x7e\x00\x7d"+strings.Repeat("x", 125))
	raw("client/64 bits for 65535", Client, "! length-not-minimal", "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff")
	raw("server/64 bits for 0", Server, "! length-not-minimal", "\x82\xff\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04")
	raw("client/length of 64 bits", Client, "! length-overflow", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00")
	raw("client/length of 63 bits", Client, "! frame-size", "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff")

	// Limits.
	plain("frame at its limit", `binary "xxxxxxxxxxxxxxxxxxxx"+780`, f(fin|2, strings.Repeat("x", 800)))
	plain("frame above", "! frame-size", f(fin|2, strings.Repeat("x", 801)))
	plain("message at its limit", `binary "xxxxxxxxxxxxxxxxxxxx"+980`, cut(2, strings.Repeat("x", 1000), 500)...)
	plain("message above", "! message-size", cut(2, strings.Repeat("x", 1001), 500)...)
	plain("fragments at their limit", `binary "abcde"`, cut(2, "abcde", 1)...)
	plain("fragments above", "! fragment-count", cut(2, "abcdef", 1)...)
	plain("fragments counted anew", lines(`binary "abcde"`, `binary "abcde"`), append(cut(2, "abcde", 1), cut(2, "abcde", 1)...)...)

	// Text.
	for i, bad := range badTexts {
		plain(fmt.Sprint("bad text ", i), "! text-utf8", f(fin|1, bad))
		plain(fmt.Sprint("bad text in fragments ", i), "! text-utf8", cut(1, bad, max(1, len(bad)/3))...)
	}
	for i, good := range goodTexts {
		plain(fmt.Sprint("good text ", i), fmt.Sprintf("text %q", good), f(fin|1, good))
		plain(fmt.Sprint("good text in fragments ", i), fmt.Sprintf("text %q", good), cut(1, good, max(1, len(good)/3))...)
	}
	plain("the second text is judged alone", lines(`text "a"`, "! text-utf8"), f(1, "a"), f(fin, ""), f(1, "\xce"), f(fin, ""))

	// Compressed.
	sync := func(past, s string) string { return stdDeflate(past, s) }
	packed("packed", `text "Hello"`, f(fin|0x41, "\xf2\x48\xcd\xc9\xc9\x07\x00"))
	packed("packed in fragments", `text "Hello"`, f(0x41, "\xf2\x48\xcd"), f(fin, "\xc9\xc9\x07\x00"))
	packed("packed, with a ping in between", lines(`ping "p"`, `text "Hello"`), f(0x41, "\xf2\x48\xcd"), f(fin|9, "p"), f(fin, "\xc9\xc9\x07\x00"))
	packed("packed twice, the second by reference", lines(`text "Hello"`, `text "Hello"`), f(fin|0x41, "\xf2\x48\xcd\xc9\xc9\x07\x00"), f(fin|0x41, "\xf2\x00\x11\x00\x00"))
	packed("packed as a stored block", `text "Hello"`, f(fin|0x41, "\x00\x05\x00\xfa\xffHello\x00"))
	packed("packed with a final block", `text "Hello"`, f(fin|0x41, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"))
	packed("packed with a final block and nothing behind", `text "Hello"`, f(fin|0x41, "\xf3\x48\xcd\xc9\xc9\x07\x00"))
	packed("packed with an empty final block that lost its end", lines(`text "Hello"`, `text "Hello"`), f(fin|0x41, "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x01"), f(fin|0x41, "\xf2\x00\x11\x00\x00"))
	packed("packed in two blocks", `text "Hello"`, f(fin|0x41, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"))
	packed("packed in final blocks", `text "HelloHello"`, f(fin|0x41, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00"))
	packed("final blocks without end", "! deflate-final", f(fin|0x41, strings.Repeat("\x03\x00", 20)))
	packed("packed nothing", `binary ""`, f(fin|0x42, "\x00"))
	packed("packed with nothing at all", "! deflate-data", f(fin|0x42, ""))
	packed("plain between packed", lines(`text "Hello"`, `text "plain"`, `text "Hello"`), f(fin|0x41, "\xf2\x48\xcd\xc9\xc9\x07\x00"), f(fin|1, "plain"), f(fin|0x41, "\xf2\x00\x11\x00\x00"))
	packed("packed text that is none", "! text-utf8", f(fin|0x41, sync("", "abc\xff")))
	packed("packed text with half a character", "! text-utf8", f(fin|0x41, sync("", "abc\xc3")))
	packed("packed, not deflate", "! deflate-data", f(fin|0x42, "\x07"))
	packed("packed, cut", "! deflate-data", f(fin|0x42, "\xf2\x48\xcd"))
	packed("packed, a stored block that swallows the end", "! deflate-data", f(fin|0x42, "\x00\x07\x00\xf8\xffHello"))
	packed("packed, a reference before the beginning", "! deflate-data", f(fin|0x42, "\xf2\x00\x11\x00\x00"))
	packed("packed at the limit", `binary "xxxxxxxxxxxxxxxxxxxx"+980`, f(fin|0x42, sync("", strings.Repeat("x", 1000))))
	packed("packed above the limit", "! inflated-size", f(fin|0x42, sync("", strings.Repeat("x", 1001))))
	packed("a bomb", "! inflated-size", f(fin|0x42, sync("", strings.Repeat("x", 300_000))))
	packed("packed, long on the wire", "! message-size", f(0x42, strings.Repeat("\x00\x00\x00\xff\xff", 160)), f(0, strings.Repeat("\x00\x00\x00\xff\xff", 160)), f(0, strings.Repeat("\x00\x00\x00\xff\xff", 160)))
	return all
}

// What RFC 3629 has, and what it does not. Many are Autobahn's (families 6.5 to 6.23).
var (
	goodTexts = []string{
		"κόσμε", "\x00", "\u0080", "\u0800", "\U00010000", "\x7f", "\u07ff", "\uffff", "\ud7ff", "\ue000", "\ufffd", "\U0010ffff", "\ufffe",
		"\U0001fffe", "\U0010fffe", hello, "abcdefgh\u0080abcdefgh\U00010000", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u20ac",
	}
	badTexts = []string{
		"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", "\x80", "\xbf", "\x80\xbf\x80", "\xc0\xaf", "\xc0", "\xc1\xbf",
		"\xe0\x80\xaf", "\xe0\x9f\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xf5\x80\x80\x80",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", "\xf4\x90\x80\x80", "\xfe", "\xff", "\xfe\xfe\xff\xff", "\xc2", "\xe2\x82", "\xf0\x9f\x90",
		"\xc2a", "\xe2\x82a", "\xf0\x9f\x90a", "a\xe2a\x82", "\xf4\xf4", "abcdefgh\xffabcdefgh",
	}
)
