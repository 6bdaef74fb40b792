package process

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTailKeepsTheEnd(t *testing.T) {
	var w tail
	for range 100 {
		_, err := io.WriteString(&w, string(bytes.Repeat([]byte("x"), 100))+"end")
		require.NoError(t, err)
	}
	require.Len(t, w.String(), tailBytes)
	require.Equal(t, "end", w.String()[tailBytes-3:])
}
