package compress

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNegotiation(t *testing.T) {
	both := []*coding{newZstd(zstdLevel), newGzip(gzipLevel)}
	only := both[1:]
	for _, tt := range []struct {
		lines      []string
		both, only string // what is chosen of zstd and gzip, and of gzip
	}{
		{nil, "", ""},
		{[]string{""}, "", ""},
		{[]string{"gzip"}, "gzip", "gzip"},
		{[]string{"gzip, deflate, br, zstd"}, "zstd", "gzip"},
		{[]string{"gzip", "deflate", "zstd"}, "zstd", "gzip"},
		{[]string{"zstd;q=0.8, gzip;q=0.9"}, "gzip", "gzip"},
		{[]string{"zstd;q=0, gzip;q=0"}, "", ""},
		{[]string{"identity, gzip;q=0.999"}, "", ""},
		{[]string{"identity;q=0.5, gzip;q=0.5"}, "gzip", "gzip"},
		{[]string{"identity;q=0"}, "", ""},
		{[]string{"identity;q=0, gzip;q=0.001"}, "gzip", "gzip"},
		{[]string{"identity;q=0, *;q=0.001"}, "zstd", "gzip"},
		{[]string{"*"}, "zstd", "gzip"},
		{[]string{"*;q=0"}, "", ""},
		{[]string{"*;q=0, gzip"}, "gzip", "gzip"},
		{[]string{"*, gzip;q=0"}, "zstd", ""},
		{[]string{"*;q=0.5, gzip;q=0.2"}, "zstd", ""}, // identity has 0.5
		{[]string{"*;q=0.5, gzip;q=0.2, identity;q=0.1"}, "zstd", "gzip"},
		{[]string{"gzip;q=0, gzip"}, "", ""}, // the lowest counts
		{[]string{"gzip", "gzip;q=0"}, "", ""},
		{[]string{"\tGZip ;\tQ=1.000 "}, "gzip", "gzip"},
		{[]string{"x-gzip"}, "gzip", "gzip"},
		{[]string{"gzip;"}, "", ""},
		{[]string{"gzip;q=", "gzip;q=2", "gzip;q=1.001", "gzip;q=0.1234", "gzip;q=.5", "gzip;q=-1", "gzip;q=1;a=b"}, "", ""},
		{[]string{"gzip;level=9, zstd;q=a"}, "", ""},
		{[]string{"gzip zstd, gzipx, xgzip"}, "", ""},
		{[]string{",,;,;q=1,=,\x00,\xff,gzip,"}, "gzip", "gzip"},
		{[]string{"gzip;q=0.", "zstd;q=1."}, "zstd", ""},
	} {
		a := newAsked()
		for _, line := range tt.lines {
			a.read([]byte(line))
		}
		require.Equal(t, tt.both, nameOf(a.best(both)), "%q", tt.lines)
		require.Equal(t, tt.only, nameOf(a.best(only)), "%q", tt.lines)
	}
}

func nameOf(c *coding) string {
	if c == nil {
		return ""
	}
	return c.name
}

func TestTypes(t *testing.T) {
	ts := newTypes([]string{"text/", "+JSON", "application/wasm"})
	for contentType, want := range map[string]bool{
		"": true, "; charset=utf-8": true, "text/css": true, "TEXT/html ; charset=x": true, "application/wasm": true, "a/b+json": true,
		"a/b+Json;x=y": true, "+json": true, "text": false, "application/wasm2": false, "application/json": false, "a/b+jsonx": false,
		"json": false, "text/event-stream": false, "Text/Event-Stream; a=b": false, "image/png": false, "atext/css": false,
	} {
		require.Equal(t, want, ts.has([]byte(contentType)), "%q", contentType)
	}
	require.True(t, newTypes([]string{"text/event-stream"}).has([]byte("Text/event-stream;x")))
}
