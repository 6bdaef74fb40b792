package wsproto

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kosme is Greek, with characters of two bytes and one of three.
const kosme = "\u03ba\u1f79\u03c3\u03bc\u03b5"

// bahn is a case of the Autobahn test-suite's fuzzing client as far as it concerns the protocol, with payloads of our own:
// what it sends, in what pieces, and what a server's Reader makes of it. The echo is the Reader's events again.
type bahn struct {
	name   string
	chop   int // bytes in a piece, 0: all at once
	frames []frame
	want   string
}

func bahnCases() (all []bahn) {
	add := func(name string, chop int, want string, frames ...frame) {
		all = append(all, bahn{name, chop, frames, want})
	}
	event := func(opcode Opcode, payload string) string {
		return show(Event{Opcode: opcode, Payload: []byte(payload)})
	}
	lines := func(s ...string) string { return strings.Join(s, "\n") }
	ending := func(code int, reason string) string {
		return show(Event{Opcode: Close, Code: CloseCode(code), Payload: []byte(reason)})
	}
	ascii := func(n int) string { return strings.Repeat("*", n) }
	raw := func(n int) string { return strings.Repeat("\xfe", n) }
	hi := "Hello, world!"
	text := event(Text, hi)
	bye := closing(1000, "")

	// 1: framing.
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
		chop := 0
		if i == 7 {
			chop = 997
		}
		add(fmt.Sprint("1.1.", i+1), chop, event(Text, ascii(n)), f(fin|1, ascii(n)))
		add(fmt.Sprint("1.2.", i+1), chop, event(Binary, raw(n)), f(fin|2, raw(n)))
	}

	// 2: pings and pongs.
	add("2.1", 0, event(Ping, ""), f(fin|9, ""))
	add("2.2", 0, event(Ping, hi), f(fin|9, hi))
	add("2.3", 0, event(Ping, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), f(fin|9, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"))
	add("2.4", 0, event(Ping, raw(125)), f(fin|9, raw(125)))
	add("2.5", 0, "! control-size", f(fin|9, raw(126)))
	add("2.6", 1, event(Ping, raw(125)), f(fin|9, raw(125)))
	add("2.7", 0, event(Pong, ""), f(fin|10, ""))
	add("2.8", 0, event(Pong, hi), f(fin|10, hi))
	add("2.9", 0, lines(event(Pong, hi), event(Ping, "p")), f(fin|10, hi), f(fin|9, "p"))
	var pings []frame
	var pinged []string
	for i := range 10 {
		payload := fmt.Sprint("payload-", i)
		pings, pinged = append(pings, f(fin|9, payload)), append(pinged, event(Ping, payload))
	}
	add("2.10", 0, lines(pinged...), pings...)
	add("2.11", 1, lines(pinged...), pings...)

	// 3: reserved bits.
	add("3.1", 0, "! reserved-bits", f(fin|1<<4|1, hi))
	for i, chop := range []int{0, 0, 1} {
		add(fmt.Sprint("3.", i+2), chop, lines(text, "! reserved-bits"), f(fin|1, hi), f(fin|byte(i+2)<<4|1, hi), f(fin|9, ""))
	}
	add("3.5", 0, "! reserved-bits", f(fin|5<<4|2, raw(8)))
	add("3.6", 0, "! reserved-bits", f(fin|6<<4|9, hi))
	add("3.7", 0, "! reserved-bits", f(fin|7<<4|8, ""))

	// 4: reserved opcodes.
	for i := range 5 {
		for family, first := range []byte{3, 11} {
			name, op := fmt.Sprintf("4.%d.%d", family+1, i+1), fin|first+byte(i)
			switch i {
			case 0:
				add(name, 0, "! opcode", f(op, ""))
			case 1:
				add(name, 0, "! opcode", f(op, hi))
			default:
				add(name, i/4, lines(text, "! opcode"), f(fin|1, hi), f(op, hi[:i%3]), f(fin|9, ""))
			}
		}
	}

	// 5: fragments.
	add("5.1", 0, "! control-fragmented", f(9, "frag"), f(fin, "ment"))
	add("5.2", 0, "! control-fragmented", f(10, "frag"), f(fin, "ment"))
	for i, chop := range []int{0, 0, 1} {
		add(fmt.Sprint("5.", i+3), chop, text, f(1, hi[:5]), f(fin, hi[5:]))
		add(fmt.Sprint("5.", i+6), chop, lines(event(Ping, "ping"), text), f(1, hi[:5]), f(fin|9, "ping"), f(fin, hi[5:]))
		add(fmt.Sprint("5.", i+9), chop, "! no-message", f(fin, "no continuation"), f(fin|1, hi))
		add(fmt.Sprint("5.", i+12), chop, "! no-message", f(0, "no continuation"), f(fin|1, hi))
	}
	add("5.15", 0, lines(text, "! no-message"), f(1, hi[:5]), f(fin, hi[5:]), f(0, "no continuation"), f(fin|1, hi))
	add("5.16", 0, "! no-message", f(0, "x"), f(1, "y"), f(fin, "z"))
	add("5.17", 0, "! no-message", f(fin, "x"), f(1, "y"), f(fin, "z"))
	add("5.18", 0, "! in-message", f(1, hi[:5]), f(fin|1, hi[5:]))
	for i, chop := range []int{0, 1} {
		add(fmt.Sprint("5.", i+19), chop, lines(event(Ping, "one"), event(Ping, "two"), event(Text, "abcde"), event(Ping, "three")),
			f(1, "a"), f(0, "b"), f(fin|9, "one"), f(0, "c"), f(0, "d"), f(fin|9, "two"), f(fin, "e"), f(fin|9, "three"))
	}

	// 6: text.
	add("6.1.1", 0, event(Text, ""), f(fin|1, ""))
	add("6.1.2", 0, event(Text, ""), f(1, ""), f(0, ""), f(fin, ""))
	add("6.1.3", 0, event(Text, "middle"), f(1, ""), f(0, "middle"), f(fin, ""))
	add("6.2.1", 0, event(Text, hello), f(fin|1, hello))
	add("6.2.2", 0, event(Text, hello), f(1, hello[:5]), f(fin, hello[5:]))
	add("6.2.3", 0, event(Text, hello), cut(1, hello, 1)...)
	add("6.2.4", 0, event(Text, kosme), cut(1, kosme, 1)...)
	add("6.3.1", 0, "! text-utf8", f(fin|1, kosme+"\xed\xa0\x80edited"))
	add("6.3.2", 0, "! text-utf8", cut(1, kosme+"\xed\xa0\x80edited", 1)...)
	texts := func(family int, want func(s string) string, payloads ...string) {
		for i, s := range payloads {
			add(fmt.Sprintf("6.%d.%d", family, i+1), 0, want(s), f(fin|1, s))
		}
	}
	good := func(s string) string { return event(Text, s) }
	bad := func(string) string { return "! text-utf8" }
	texts(5, good, kosme, "\x00", kosme+"\x00", "\u2020", "\U0001f426")
	for n := 1; n <= len(kosme); n++ {
		want := bad
		if n == 2 || n == 5 || n == 7 || n == 9 || n == 11 {
			want = good
		}
		add(fmt.Sprint("6.6.", n), 0, want(kosme[:n]), f(fin|1, kosme[:n]))
	}
	texts(7, good, "\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80")
	texts(8, bad, "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80")
	texts(9, good, "\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf")
	texts(10, bad, "\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf")
	texts(11, good, "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf")
	add("6.11.5", 0, "! text-utf8", f(fin|1, "\xf4\x90\x80\x80"))
	continuations := ""
	for c := 0x80; c < 0xc0; c++ {
		continuations += string([]byte{byte(c)})
	}
	texts(12, bad, "\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf", continuations)
	lonely := func(from, to int) (s string) {
		for c := from; c <= to; c++ {
			s += string([]byte{byte(c), ' '})
		}
		return s
	}
	texts(13, bad, lonely(0xc0, 0xdf), lonely(0xe0, 0xef), lonely(0xf0, 0xf7), lonely(0xf8, 0xfb), lonely(0xfc, 0xfd))
	short := []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"}
	texts(14, bad, short...)
	texts(15, bad, strings.Join(short, ""))
	texts(16, bad, "\xfe", "\xff", "\xfe\xfe\xff\xff")
	texts(17, bad, "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf")
	texts(18, bad, "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf")
	texts(19, bad, "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80")
	texts(20, bad, "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf")
	var pairs []string
	for _, high := range []string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf"} {
		pairs = append(pairs, high+"\xed\xb0\x80", high+"\xed\xbf\xbf")
	}
	texts(21, bad, pairs...)
	var none []string // characters that are none, and valid all the same
	for plane := range rune(17) {
		none = append(none, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	texts(22, good, none...)
	texts(23, good, "\ufff9", "\ufffa", "\ufffb", "\ufffc", "\ufffd", "\ufffe", "\uffff")

	// 7: closing.
	add("7.1.1", 0, lines(text, ending(1000, "")), f(fin|1, hi), bye)
	add("7.1.2", 0, ending(1000, ""), bye, bye)
	add("7.1.3", 0, ending(1000, ""), bye, f(fin|9, ""))
	add("7.1.4", 0, ending(1000, ""), bye, f(fin|1, hi))
	add("7.1.5", 0, ending(1000, ""), f(1, "frag"), bye, f(fin, "ment"))
	add("7.1.6", 0, lines(event(Text, ascii(256<<10)), ending(1000, "")), f(fin|1, ascii(256<<10)), bye, f(fin|9, ""))
	add("7.3.1", 0, ending(1005, ""), f(fin|8, ""))
	add("7.3.2", 0, "! close-size", f(fin|8, "a"))
	add("7.3.3", 0, ending(1000, ""), bye)
	add("7.3.4", 0, ending(1000, hi), closing(1000, hi))
	add("7.3.5", 0, ending(1000, ascii(123)), closing(1000, ascii(123)))
	add("7.3.6", 0, "! control-size", closing(1000, ascii(124)))
	add("7.5.1", 0, "! close-reason-utf8", closing(1000, kosme+"\xed\xa0\x80edited"))
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		add(fmt.Sprint("7.7.", i+1), 0, ending(code, ""), closing(code, ""))
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		add(fmt.Sprint("7.9.", i+1), 0, "! close-code", closing(code, ""))
	}
	add("7.13.1", 0, "! close-code", closing(5000, ""))
	add("7.13.2", 0, "! close-code", closing(65535, ""))

	// 9 and 10: sizes. The limit is 4 MiB here, and 16 MiB are 9.1.6's.
	for i, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20} {
		add(fmt.Sprint("9.1.", i+1), 0, event(Text, ascii(n)), f(fin|1, ascii(n)))
		add(fmt.Sprint("9.2.", i+1), 0, event(Binary, raw(n)), f(fin|2, raw(n)))
	}
	add("9.1, above the limit", 0, "! message-size", f(fin|1, ascii(4<<20+1)))
	add("9.2, above the limit", 0, "! message-size", cut(2, raw(4<<20+1), 1<<20)...)
	for i := 0; i < 9; i += 2 { // every second one of each is enough
		add(fmt.Sprint("9.3.", i+1), 0, event(Text, ascii(4<<20)), cut(1, ascii(4<<20), 64<<(2*i))...)
		if i < 8 {
			add(fmt.Sprint("9.4.", i+2), 0, event(Binary, raw(4<<20)), cut(2, raw(4<<20), 256<<(2*i))...)
		}
	}
	for i := 0; i < 6; i += 2 {
		add(fmt.Sprint("9.5.", i+1), 64<<i, event(Text, ascii(1<<20)), f(fin|1, ascii(1<<20)))
		add(fmt.Sprint("9.6.", i+2), 128<<i, event(Binary, raw(1<<20)), f(fin|2, raw(1<<20)))
	}
	for i, n := range []int{0, 16, 64, 256, 1024, 4096} {
		for family, op := range []Opcode{Text, Binary} {
			var frames []frame
			var want []string
			for range 1000 {
				frames, want = append(frames, f(fin|byte(op), ascii(n))), append(want, event(op, ascii(n)))
			}
			add(fmt.Sprintf("9.%d.%d", 7+family, i+1), 0, lines(want...), frames...)
		}
	}
	add("10.1.1", 0, event(Text, ascii(65536)), cut(1, ascii(65536), 1300)...)
	return all
}

// pieces of n bytes; 0: all at once.
func chop(b []byte, n int) (pieces [][]byte) {
	for n > 0 && len(b) > n {
		pieces = append(pieces, b[:n:n])
		b = b[n:]
	}
	return append(pieces, b)
}

// bahnCodes has the close code that a case wants for each rule that one breaks.
var bahnCodes = map[string]CloseCode{
	"control-size": 1002, "reserved-bits": 1002, "opcode": 1002, "control-fragmented": 1002, "no-message": 1002, "in-message": 1002,
	"text-utf8": 1007, "close-size": 1002, "close-code": 1002, "close-reason-utf8": 1007, "message-size": 1009,
}

func TestAutobahn(t *testing.T) {
	limits := Limits{MessageBytesMax: 4 << 20}
	for _, c := range bahnCases() {
		s := session{name: c.name, limits: limits, wire: wire(Server, c.frames...)}
		require.Equal(t, c.want, s.run(nil, chop(s.wire, c.chop)...), c.name)
		if len(s.wire) < 1000 {
			for n := range 20 {
				require.Equal(t, c.want, s.run(nil, chop(s.wire, n)...), "%s in pieces of %d", c.name, n)
			}
			require.Equal(t, c.want, slowReader(&s, s.wire), c.name)
		}
		if _, name, ok := strings.Cut(c.want, "! "); ok {
			for _, e := range Rules() {
				if e.Rule == name {
					require.Equal(t, bahnCodes[name], e.Code, c.name)
				}
			}
		}
	}
}

// TestAutobahnFailFast is family 6.4: the byte that makes a text impossible ends the connection, not the end of its frame
// or of its message. The same for all texts that are none.
func TestAutobahnFailFast(t *testing.T) {
	const behind = "much more to come"
	for _, c := range append([]string{kosme + "\xf4\x90\x80\x80edited", kosme + "\xed\xa0\x80edited"}, badTexts...) {
		first := -1 // the byte that nothing makes good
		for n := range len(c) {
			if possible, _ := slowText([]byte(c[:n+1])); !possible {
				first = n
				break
			}
		}
		if first < 0 {
			continue // a character without its end, which the end of the message shows
		}
		for _, frames := range [][]frame{
			{f(fin|1, c+behind)},                                // in the middle of a frame
			{f(1, c+behind), f(fin, "")},                        // of a fragment
			{f(1, c[:first]), f(0, c[first:]+behind), f(0, "")}, // at its beginning
			{f(1, c[:first/2]), f(0, c[first/2:]+behind)},
		} {
			s := session{role: Client, limits: small, wire: wire(Client, frames...)}
			r := s.reader(nil)
			at := strings.Index(string(s.wire), c[first:]+behind)
			for i := range at {
				_, _, err := r.Next([]byte{s.wire[i]})
				require.Equal(t, ErrNeedMore, err, "%q", c)
			}
			_, _, err := r.Next([]byte{s.wire[at]})
			require.Equal(t, ErrText, err, "%q", c)
		}
	}
}

// TestAutobahnDeflate is families 12 and 13: messages of all sizes, in one frame and in many, with every offer that 13 makes
// and every window there is. The client is the standard library's deflate with all of the past that it may refer to; what
// the server writes is inflated bit by bit, and refers to no more than was agreed on.
func TestAutobahnDeflate(t *testing.T) {
	const name = "permessage-deflate"
	const both = "; server_no_context_takeover; client_no_context_takeover"
	offers := map[string]string{
		"13.1": name + "; client_max_window_bits",
		"13.2": name + "; client_max_window_bits" + both,
		"13.3": name + "; client_max_window_bits; server_max_window_bits=9",
		"13.4": name + "; client_max_window_bits; server_max_window_bits=15",
		"13.5": name + "; client_max_window_bits; server_max_window_bits=9" + both,
		"13.6": name + "; client_max_window_bits; server_max_window_bits=15" + both,
		"13.7": name + "; server_max_window_bits=7, " + name + "; server_max_window_bits=9" + both + ", " + name,
	}
	for bits := 8; bits <= 15; bits++ {
		offers[fmt.Sprintf("12, window %d", bits)] = fmt.Sprint(name, "; server_max_window_bits=", bits)
		offers[fmt.Sprintf("12, window %d, alone", bits)] = fmt.Sprint(name, "; server_max_window_bits=", bits, both)
	}
	for label, offer := range offers {
		sizes := []int{0, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 1024}
		if strings.HasPrefix(label, "13") {
			sizes = append(sizes, 65536, 131072)
		}
		o := openingOf(request("+Sec-WebSocket-Extensions: " + offer))
		require.NoError(t, o.Check([]byte("GET"), []byte("HTTP/1.1")))
		agreed, ok := o.Deflate(Params{})
		require.True(t, ok, label)
		bits, serverKeeps := agreed.sends(Server)
		require.Equal(t, strings.Contains(offer, both), !serverKeeps && agreed.ClientNoContextTakeover, label)
		for _, step := range []int{0, 256} {
			r := NewReader(NewReaderConfig(Server, Limits{}, nil), NewInflater(Server, agreed))
			w := NewWriter(NewDeflater(Server, agreed, 1))
			var toServer, toClient []byte
			for _, n := range sizes {
				if step >= n && step > 0 {
					continue
				}
				message := prose(n)
				past := toServer
				if agreed.ClientNoContextTakeover {
					past = nil
				}
				payload := stdDeflate(string(past[max(0, len(past)-windowBytesMax):]), string(message))
				frames := []frame{f(fin|0x41, payload)}
				if step > 0 {
					frames = cut(0x41, payload, step)
				}
				toServer = append(toServer, message...)
				e, _, err := r.Next(wire(Server, frames...))
				require.NoError(t, err, label)
				require.Equal(t, string(message), string(e.Payload), label)

				var answer []byte
				if step == 0 {
					answer = w.Message(nil, e.Opcode, e.Payload)
				} else {
					answer = w.Fragment(nil, e.Opcode, false, e.Payload[:step])
					answer = w.Fragment(answer, e.Opcode, true, e.Payload[step:])
				}
				stream, packed := "", false
				for len(answer) > 0 {
					h, n, err := ParseHeader(answer)
					require.NoError(t, err)
					stream, packed = stream+string(answer[n:n+int(h.Length)]), packed || h.RSV == RSV1
					answer = answer[n+int(h.Length):]
				}
				if !packed {
					require.Less(t, n, DeflateBytesMin)
					require.Equal(t, string(message), stream)
					continue
				}
				if past = toClient; !serverKeeps {
					past = nil
				}
				out, distance, err := farthest(stream+flushed, past[max(0, len(past)-windowBytesMax):])
				require.NoError(t, err, label)
				require.Equal(t, string(message), string(out), label)
				require.LessOrEqual(t, distance, 1<<bits, label)
				toClient = append(toClient, message...)
			}
		}
	}
}
