package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSplit plays every session cut in two at each place, and byte by byte, in each way a transport may run it. The peer
// must not be able to tell.
func TestSplit(t *testing.T) {
	for _, mode := range []struct {
		name      string
		own, lent bool
		size      int
	}{
		{"inline", false, false, 100},
		{"small reads", false, false, 2},
		{"large reads", false, false, directReadMin},
		{"own", true, false, 100},
		{"lent", false, true, 3},
	} {
		for _, tt := range sessions {
			t.Run(mode.name+"/"+tt.name, func(t *testing.T) {
				s := &Server{Handler: echo(mode.size), HeadBytesMax: 512}
				check := func(pieces ...string) {
					sc := newScript(s, pieces...)
					sc.eof, sc.own, sc.lent = true, mode.own, mode.lent
					next := sc.play()
					if sc.sent.String() != tt.out || next != tt.next {
						require.Equal(t, tt.out, sc.sent.String(), fmt.Sprintf("%q", pieces))
						require.Equal(t, tt.next, next, fmt.Sprintf("%q", pieces))
					}
				}
				for i := range len(tt.in) + 1 {
					check(tt.in[:i], tt.in[i:])
				}
				check(strings.Split(tt.in, "")...)
			})
		}
	}
}
