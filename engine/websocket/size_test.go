package websocket

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// What an idle connection costs beside the transport's share; it grows only on purpose.
func TestSizes(t *testing.T) {
	require.LessOrEqual(t, reflect.TypeFor[Conn]().Size(), uintptr(96))
	require.LessOrEqual(t, reflect.TypeFor[membership]().Size(), uintptr(40))
	require.LessOrEqual(t, reflect.TypeFor[frame]().Size(), uintptr(32))
}
