package main

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatternReader(t *testing.T) {
	for _, n := range []int{0, 1, len(pattern) - 1, len(pattern), len(pattern) + 1, 3*len(pattern) + 5} {
		b, err := io.ReadAll(newPatternReader(n))
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(string(pattern), 4)[:n], string(b))
	}
}
