package engine

import (
	"testing"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// FuzzSession plays any bytes as a whole connection, at once and cut into pieces of the sizes that cuts gives, inline and
// on goroutines of their own: the peer must not be able to tell, and it always comes to an end.
func FuzzSession(f *testing.F) {
	for i, s := range sessions {
		f.Add([]byte(s.in), []byte{byte(i), 1, 7})
	}
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		s := &Server{Handler: echo(50), HeadBytesMax: 512}
		play := func(own, lent bool, pieces ...string) (string, transport.Next) {
			sc := newScript(s, pieces...)
			sc.eof, sc.own, sc.lent = true, own, lent
			next := sc.play()
			if next == transport.Linger {
				next = transport.Close // which of the two depends on what has come by then
			}
			return sc.sent.String(), next
		}
		out, next := play(false, false, string(in))
		var pieces []string
		for rest := string(in); rest != ""; {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, int(cuts[0])+1)
				cuts = cuts[1:]
			}
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		for _, mode := range [][2]bool{{false, false}, {true, false}, {false, true}} {
			got, end := play(mode[0], mode[1], pieces...)
			if got != out || end != next {
				t.Fatalf("whole: %v, %q\npieces %q: %v, %q", next, out, pieces, end, got)
			}
		}
	})
}
