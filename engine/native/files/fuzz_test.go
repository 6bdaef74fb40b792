package files

import (
	"math"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func FuzzName(f *testing.F) {
	for _, seed := range []string{"", "/", "a", "a/b", "..", "../a", "a/../b", "a\\b", "a\x00", ".a", "a/.b", "a//b", "\xff", "a/", "./a",
		"C:a", strings.Repeat("a/", 5000), "%2e%2e", "a/..", "...", "con", "a~1"} {
		f.Add(seed)
	}
	fsys := fstest.MapFS{"a/b": {Data: []byte("x")}, ".a/b": {Data: []byte("x")}}
	f.Fuzz(func(t *testing.T, value string) {
		name, slash, ok := checked(value, false)
		if !ok {
			require.Empty(t, name)
			return
		}
		require.True(t, filepath.IsLocal(filepath.FromSlash(name)), "%q", value)
		require.Equal(t, name, filepath.ToSlash(filepath.Clean(filepath.FromSlash(name))))
		require.Equal(t, value == "" || strings.HasSuffix(value, "/"), slash)
		require.NotContains(t, "/"+strings.TrimPrefix(name, ".")+"/", "/.")
		_, err := opened{fsys, t}.Open(name)
		_ = err // most names are not there; opened fails the test for one that nobody may ask for
	})
}

// FuzzPath: no value of the wildcard, whatever its bytes, gets the file beside the root, or a path of the disk.
func FuzzPath(f *testing.F) {
	root := tree(f, map[string]string{"in.txt": "in", "sub/in.txt": "in", ".hidden": "hidden"})
	write(f, filepath.Join(filepath.Dir(root), "out.txt"), "outside", longAgo)
	addr := serve(f, dir(f, root, Options{List: true, Fallback: "in.txt"}))
	for _, seed := range []string{"", "in.txt", "sub/", "../out.txt", "sub/../../out.txt", "..\\out.txt", ".hidden", "in.txt\x00", "\xff", "a//b",
		filepath.Dir(root) + "/out.txt", "sub/./../../out.txt", "in.txt/../../out.txt"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, value string, escaped bool) {
		if len(value) > 2000 {
			return
		}
		if escaped {
			value = url.PathEscape(value)
		} else if strings.IndexFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
			return // no request
		}
		got := raw(t, addr, "/static/"+value)
		require.NotContains(t, got.body, "outside")
		require.NotContains(t, got.body, "hidden")
		require.NotContains(t, got.body, "out.txt")
		require.NotEqual(t, 500, got.status)
	})
}

func FuzzRanges(f *testing.F) {
	for _, seed := range []string{"bytes=0-1", "bytes=-1", "bytes=0-,1-2", "bytes=", "lines=1", "bytes=9223372036854775807-", "bytes=-9223372036854775808",
		"bytes=0-18446744073709551616", "bytes=1-0", "bytes=,,,", "=", "bytes=" + strings.Repeat("0-0,", 40)} {
		f.Add(seed, int64(10))
		f.Add(seed, int64(math.MaxInt64>>6))
	}
	f.Fuzz(func(t *testing.T, value string, size int64) {
		if size < 0 || size > math.MaxInt64>>6 {
			return
		}
		spans, outcome := parseRanges(value, size)
		require.Equal(t, outcome == partial, len(spans) > 0)
		require.LessOrEqual(t, len(spans), rangesMax)
		var sum int64
		for _, s := range spans {
			require.True(t, s.start >= 0 && s.length > 0 && s.start <= size-s.length, "%+v of %d", s, size)
			sum += s.length
		}
		require.LessOrEqual(t, sum, size)
	})
}
