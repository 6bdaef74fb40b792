package wsproto

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReader(t *testing.T) {
	for _, s := range sessions() {
		require.Equal(t, s.want, s.run(nil, s.wire), s.name)
	}
}
