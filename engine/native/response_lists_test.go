package native

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLists(t *testing.T) {
	var w Response
	w.reset()
	w.Add("Cache-Control", "public, max-age=1")
	w.Add("X-Other", "no-store")
	w.Add("cache-control", " No-Transform ,,x")
	for element, want := range map[string]bool{"public": true, "max-age=1": true, "no-transform": true, "X": true, "": true,
		"max-age": false, "no-store": false, "public, max-age=1": false} {
		require.Equal(t, want, w.Lists("CACHE-CONTROL", element), "%q", element)
	}
	require.False(t, w.Lists("Vary", "x"))
}

func TestVary(t *testing.T) {
	for _, tt := range []struct {
		name string
		have []string // values of Vary, with other fields around them
		want string   // all lines
	}{
		{"first", nil, "A: 1\r\nB: 2\r\nVary: Accept-Encoding\r\n"},
		{"beside another", []string{"Origin"}, "A: 1\r\nVary: Origin, Accept-Encoding\r\nB: 2\r\n"},
		{"beside several lines", []string{"Origin", "Cookie"}, "A: 1\r\nVary: Origin, Accept-Encoding\r\nVary: Cookie\r\nB: 2\r\n"},
		{"there", []string{"Origin", "Cookie, accept-encoding"}, "A: 1\r\nVary: Origin\r\nVary: Cookie, accept-encoding\r\nB: 2\r\n"},
		{"everything", []string{"Origin", "*"}, "A: 1\r\nVary: Origin\r\nVary: *\r\nB: 2\r\n"},
		{"a longer name", []string{"X-Accept-Encoding"}, "A: 1\r\nVary: X-Accept-Encoding, Accept-Encoding\r\nB: 2\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w Response
			w.reset()
			w.Set("A", "1")
			for _, v := range tt.have {
				w.Add("Vary", v)
			}
			w.Set("B", "2")
			for range 2 {
				w.Vary("Accept-Encoding")
				require.Equal(t, tt.want, string(w.fields.lines))
			}
			require.Equal(t, "1", string(w.Get("A")))
			require.Equal(t, "2", string(w.Get("B")))
			w.Del("Vary")
			require.Equal(t, "A: 1\r\nB: 2\r\n", string(w.fields.lines))
		})
	}
	var w Response
	require.Panics(t, func() { w.Vary("a b") })
}
