package nethttp

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// One byte more, and each request takes 896 instead of 768: above 512 the runtime adds 8 of its own.
func TestExchangeSize(t *testing.T) {
	require.LessOrEqual(t, reflect.TypeFor[exchange]().Size(), uintptr(760))
}
