package compress

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/constcache"
)

// slowBest reads the field as RFC 9110, section 12.5.3, describes it, with package strings.
func slowBest(codings []string, accept string) string {
	said := map[string]float64{}
	for _, element := range strings.Split(accept, ",") {
		name, parameter, weighted := strings.Cut(element, ";")
		name, parameter = strings.ToLower(strings.Trim(name, " \t")), strings.Trim(parameter, " \t")
		q := 1.0
		if weighted {
			v, ok := strings.CutPrefix(strings.ToLower(parameter), "q=")
			whole, digits, _ := strings.Cut(v, ".")
			if !ok || whole != "0" && whole != "1" || len(digits) > 3 || strings.Trim(digits, "0123456789") != "" {
				continue
			}
			if q, _ = strconv.ParseFloat(v, 64); q > 1 {
				continue
			}
		}
		if name == "x-gzip" {
			name = "gzip"
		}
		if old, ok := said[name]; !ok || q < old {
			said[name] = q
		}
	}
	weigh := func(name string) float64 {
		if q, ok := said[name]; ok {
			return q
		}
		return said["*"]
	}
	best, most := "", 0.0
	for _, c := range codings {
		if q := weigh(c); q > most && q >= weigh("identity") {
			best, most = c, q
		}
	}
	return best
}

// FuzzNegotiation: the slow twin agrees, and so does what chooses between the codings of constant answers.
func FuzzNegotiation(f *testing.F) {
	for _, seed := range []string{"", "gzip", "gzip, deflate, br, zstd", "gzip;q=0.5, zstd;q=0.4", "*", "*;q=0", "gzip;q=0, *",
		"identity;q=1, gzip;q=0.999", "identity;q=0", "x-gzip", "GZIP ; Q=1.000", "gzip;q=1.001", "gzip;q=0.", "gzip;q=", ",,;,",
		"gzip;level=9", "gzip gzip", "zstd\t;\tq=0.1,gzip", "*;q=0.5,gzip;q=0.2", "gzip;q=0,gzip", "gzip;;q=1", strings.Repeat("gzip,", 3000)} {
		f.Add(seed)
	}
	codings := []*coding{newZstd(zstdLevel), newGzip(gzipLevel)}
	body := []byte(text(100))
	made := func(size int) func([]byte) ([]byte, error) {
		return func([]byte) ([]byte, error) { return body[:size], nil }
	}
	constant, err := constcache.Make(constcache.Source{Status: 200, Body: body},
		constcache.Encoder{Name: "zstd", Encode: made(10)}, constcache.Encoder{Name: "gzip", Encode: made(11)})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, accept string) {
		a := newAsked()
		a.read([]byte(accept))
		got := nameOf(a.best(codings))
		for _, c := range accept {
			if c >= 0x7f || c < ' ' && c != '\t' {
				return // no field value, and what package strings takes for letters is another question
			}
		}
		require.Equal(t, slowBest([]string{"zstd", "gzip"}, accept), got, "%q", accept)
		if accept != "" {
			_, _, coded := constant.Parts(&constcache.Ask{AcceptEncoding: []byte(accept)})
			require.Equal(t, map[int]string{10: "zstd", 11: "gzip", 100: ""}[len(coded)], got, "%q", accept)
		}
		// Several lines are one with commas.
		if i := strings.IndexByte(accept, ','); i >= 0 {
			lines := newAsked()
			lines.read([]byte(accept[:i]))
			lines.read([]byte(accept[i+1:]))
			require.Equal(t, a, lines, "%q", accept)
		}
	})
}

// FuzzPieces: a body in pieces, some of them followed by a flush, after which all that came before can be decoded.
func FuzzPieces(f *testing.F) {
	f.Add([]byte("hello"), []byte{1, 0x83, 0x80, 0x80, 2}, uint16(1))
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaab"), []byte{0x80}, uint16(300))
	f.Add([]byte{}, []byte{0, 0x80}, uint16(0))
	f.Add([]byte("abcabcabd"), []byte{0xff, 0x7f, 0x90}, uint16(20000))
	m := &middleware{codings: []*coding{newZstd(zstdLevel), newGzip(gzipLevel)}}
	f.Fuzz(func(t *testing.T, seed, script []byte, times uint16) {
		if len(seed)*int(times) > 1<<18 || len(script) > 200 {
			t.Skip("too long")
		}
		plain := bytes.Repeat(seed, int(times))
		for _, c := range m.codings {
			m.free.Store(1)
			p := filter{m: m, coding: c}
			require.True(t, p.take())
			var coded []byte
			var err error
			rest := plain
			for _, step := range script { // the top bit is the flush, the others say how much comes first
				n := min(len(rest), int(step&0x7f)*len(plain)/100)
				coded, err = p.Append(coded, rest[:n], false)
				require.NoError(t, err)
				if rest = rest[n:]; step&0x80 != 0 {
					coded, err = p.Append(coded, nil, true)
					require.NoError(t, err)
					come := make([]byte, len(plain)-len(rest))
					if len(come) > 0 {
						_, err = io.ReadFull(decoder(t, c.name, bytes.NewReader(coded)), come)
						require.NoError(t, err)
					}
					require.True(t, bytes.Equal(plain[:len(come)], come))
					size := len(coded)
					coded, err = p.Append(coded, nil, true)
					require.NoError(t, err)
					require.Len(t, coded, size, "a flush of nothing costs nothing")
				}
			}
			if coded, err = p.Append(coded, rest, false); err == nil {
				coded, err = p.End(coded)
			}
			require.NoError(t, err)
			all, err := io.ReadAll(decoder(t, c.name, bytes.NewReader(coded)))
			require.NoError(t, err)
			require.True(t, bytes.Equal(plain, all))
			require.Nil(t, p.enc)
			require.EqualValues(t, 1, m.free.Load())
		}
	})
}
