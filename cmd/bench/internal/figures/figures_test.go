package figures

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFigures(t *testing.T) {
	for us, s := range map[float64]string{
		0.5: "0.5 µs", 42: "42 µs", 999: "999 µs", 1000: "1.00 ms", 12_345: "12.3 ms", 123_456: "123 ms", 2e6: "2.00 s",
	} {
		require.Equal(t, s, Micros(us))
	}
	for n, s := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, s, Thousands(n))
	}
}
