package servers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeads(t *testing.T) {
	for _, c := range []struct {
		in     string
		n, end int
	}{
		{"", 0, 0},
		{"GET / HTTP/1.1\r\nHost: x\r\n", 0, 0},
		{"A\r\n\r\n", 1, 5},
		{"A\r\n\r\nB\r\n\r\nC\r\n\r", 2, 10},
		{"A\r\n\r\n\r\n", 1, 5},
	} {
		n, end := heads([]byte(c.in))
		require.Equal(t, [2]int{c.n, c.end}, [2]int{n, end}, "%q", c.in)
	}
}
