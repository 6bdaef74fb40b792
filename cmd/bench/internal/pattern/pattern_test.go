package pattern

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatternReader(t *testing.T) {
	for _, n := range []int{0, 1, len(Bytes) - 1, len(Bytes), len(Bytes) + 1, 3*len(Bytes) + 5} {
		b, err := io.ReadAll(NewReader(n))
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(string(Bytes), 4)[:n], string(b))
	}
}
