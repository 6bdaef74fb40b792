package processes

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFlags(t *testing.T) {
	parse := func(line string) (Options, string, error) {
		o := Options{Addrs: []string{":80"}}
		fs := flag.NewFlagSet("program", flag.ContinueOnError)
		var usage strings.Builder
		fs.SetOutput(&usage)
		o.Flags(fs)
		err := fs.Parse(strings.Fields(line))
		fs.PrintDefaults()
		return o, usage.String(), err
	}
	o, usage, err := parse("")
	require.NoError(t, err)
	require.Equal(t, Options{Addrs: []string{":80"}}, o)
	require.Contains(t, usage, "(default :80)")
	require.Contains(t, usage, "(default per-worker)")
	o, _, err = parse("-addr 127.0.0.1:1,unix:/s -processes 4 -loops 2 -share shared -admin /a")
	require.NoError(t, err)
	require.Equal(t, Options{Addrs: []string{"127.0.0.1:1", "unix:/s"}, Processes: 4, Loops: 2, Share: Shared, Admin: "/a", Master: true}, o)
	o, _, err = parse("-processes 0")
	require.NoError(t, err)
	o, err = o.settle()
	require.NoError(t, err)
	require.GreaterOrEqual(t, o.Processes, 1)
	for line, want := range map[string]string{
		"-processes -1":   `invalid value "-1" for flag -processes: want a number from 0 to 256`,
		"-processes many": `invalid value "many" for flag -processes`,
		"-loops 257":      `invalid value "257" for flag -loops: want a number from 0 to 256`,
		"-share equally":  `invalid value "equally" for flag -share: want per-worker or shared`,
	} {
		_, _, err := parse(line)
		require.ErrorContains(t, err, want)
	}
}
