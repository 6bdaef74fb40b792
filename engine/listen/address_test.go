package listen

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ addr, network, name, path string }{
		{":80", "tcp", ":80", ""},
		{":http", "tcp", ":http", ""},
		{"0.0.0.0:80", "tcp", "0.0.0.0:80", ""},
		{"localhost:80", "tcp", "localhost:80", ""},
		{"[::]:80", "tcp", "[::]:80", ""},
		{"[::1]:80", "tcp", "[::1]:80", ""},
		{"[fe80::1%eth0]:80", "tcp", "[fe80::1%eth0]:80", ""},
		{"tcp4::80", "tcp4", ":80", ""},
		{"tcp4:10.0.0.1:80", "tcp4", "10.0.0.1:80", ""},
		{"tcp6:[::]:80", "tcp6", "[::]:80", ""},
		{"tcp4:80", "tcp", "tcp4:80", ""}, // a host of that name
		{"unix:/run/app.sock", "unix", "/run/app.sock", "/run/app.sock"},
		{"unix:app.sock", "unix", "app.sock", "app.sock"},
		{"unix:@app", "unix", "@app", ""},
		{"unix:/a:b@c", "unix", "/a:b@c", "/a:b@c"},
		{"unix:" + strings.Repeat("x", pathMax), "unix", strings.Repeat("x", pathMax), strings.Repeat("x", pathMax)},
	} {
		a, err := Parse(c.addr)
		require.NoError(t, err, c.addr)
		require.Equal(t, Address{c.network, c.name}, a, c.addr)
		require.Equal(t, c.addr, a.String())
		require.Equal(t, c.path, a.Path())
	}
}

func TestParseRefuses(t *testing.T) {
	for addr, want := range map[string]string{
		"":                                       `listen: address "": want "HOST:PORT"`,
		"80":                                     `want "HOST:PORT"`,
		"localhost":                              `want "HOST:PORT"`,
		"localhost:":                             `want "HOST:PORT"`,
		"::1:80":                                 `want "HOST:PORT"`,
		"[::1]":                                  `want "HOST:PORT"`,
		"tcp6:[::1]":                             `want "HOST:PORT"`,
		"@app":                                   `write "unix:@app"`,
		"/run/app":                               `write "unix:/run/app"`,
		"unix:":                                  "the name is missing",
		"unix:@":                                 "the name is missing",
		"unix:a\x00b":                            "zero byte",
		"unix:" + strings.Repeat("x", pathMax+1): "the path has 108 bytes, the kernel takes 107",
	} {
		_, err := Parse(addr)
		require.ErrorContains(t, err, want, addr)
		_, err = Config{}.Listen(addr)
		require.ErrorContains(t, err, want, addr)
	}
}
