package constcache_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/constcache"
)

// negotiable has three codings, of which br is the shortest and gzip the longest.
func negotiable(t testing.TB) *constcache.Answer {
	return answer(t, constcache.Source{Status: 200, Body: page}, marked("gzip", 300), marked("br", 100), marked("zstd", 200))
}

func selected(a *constcache.Answer, accept string) string {
	if coding := fieldOf(a, accept, "Content-Encoding"); len(coding) > 0 {
		return coding[0]
	}
	return "identity"
}

var acceptEncodings = []struct{ accept, want string }{
	{"", "identity"},
	{"gzip", "gzip"},
	{"GZip", "gzip"},
	{"x-gzip", "gzip"},
	{"x-zstd", "identity"},
	{"gzip, deflate, br, zstd", "br"},
	{"gzip, zstd", "zstd"},
	{"gzip;q=1.0, zstd;q=0.9", "gzip"},
	{"gzip;q=0.001", "gzip"},
	{"gzip;q=0", "identity"},
	{"gzip;q=0.000", "identity"},
	{"deflate", "identity"},
	{"*", "br"},
	{"*, br;q=0", "zstd"},
	{"*;q=0.5, gzip", "gzip"},
	{"*;q=0", "identity"},
	{"gzip, *;q=0", "gzip"},
	{"identity", "identity"},
	{"identity, gzip", "gzip"},
	{"identity, gzip;q=0.9", "identity"},
	{"identity;q=0.5, gzip;q=0.5", "gzip"},
	{"identity;q=0, gzip;q=0.1", "gzip"},
	{"identity;q=0", "identity"}, // nothing else is acceptable, and 406 helps nobody
	{"identity;q=0, *", "br"},
	{"*;q=0.5, gzip;q=0.3, br;q=0, zstd;q=0", "identity"}, // which * names too
	{"gzip;q=0, gzip", "identity"},
	{"gzip, gzip;q=0", "identity"},
	{" gzip ; q=0.5 ,\tzstd\t;\tQ=0.4", "gzip"},
	{",, ,gzip,,", "gzip"},
	{"gzip;q=2", "identity"},
	{"gzip;q=1.001", "identity"},
	{"gzip;q=0.1234", "identity"},
	{"gzip;q=.5", "identity"},
	{"gzip;q=-1", "identity"},
	{"gzip;q= 1", "identity"},
	{"gzip;q=", "identity"},
	{"gzip;", "identity"},
	{"gzip;level=9", "identity"},
	{"gzip;q=1;x=y", "identity"},
	{"gzip;q=0x1", "identity"},
	{"gzip;q=0.", "identity"},
	{"gzip;q=1.", "gzip"},
	{"gzip;q=1.000", "gzip"},
	{"gzi", "identity"},
	{"gzipp", "identity"},
	{"gzip zstd", "identity"},
	{";q=1", "identity"},
	{"\x00\xff", "identity"},
}

func TestAcceptEncoding(t *testing.T) {
	a := negotiable(t)
	for _, c := range acceptEncodings {
		require.Equal(t, c.want, selected(a, c.accept), "%q", c.accept)
	}
	one := answer(t, constcache.Source{Status: 200, Body: []byte("short")}, marked("gzip", 2))
	for _, c := range acceptEncodings {
		require.Equal(t, "identity", selected(one, c.accept), "%q", c.accept)
	}
}
