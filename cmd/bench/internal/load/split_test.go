package load

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every cut of every input, in two and byte by byte, says the same as the whole.
func TestCheckerSplit(t *testing.T) {
	for _, c := range checkCases {
		t.Run(c.name, func(t *testing.T) {
			for i := range len(c.in) + 1 {
				require.Equal(t, c.says, tell(c.want, c.in[:i], c.in[i:]), "cut at %d", i)
			}
			var bytes []string
			for i := range c.in {
				bytes = append(bytes, c.in[i:i+1])
			}
			require.Equal(t, c.says, tell(c.want, bytes...))
		})
	}
}
