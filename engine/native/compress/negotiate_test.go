package compress

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// slowChoose reads the field as RFC 9110, section 12.5.3, describes it, with package strings.
func slowChoose(codings []string, accept string) string {
	said := map[string]float64{}
	for _, element := range strings.Split(accept, ",") {
		name, parameter, _ := strings.Cut(element, ";")
		name, parameter = strings.ToLower(strings.Trim(name, " \t\r\n\v\f")), strings.Trim(parameter, " \t\r\n\v\f")
		q := 1.0
		if parameter != "" {
			v, ok := strings.CutPrefix(strings.ToLower(parameter), "q=")
			whole, digits, _ := strings.Cut(v, ".")
			if !ok || whole != "0" && whole != "1" || len(digits) > 3 || strings.Trim(digits, "0123456789") != "" {
				continue
			}
			q, _ = strconv.ParseFloat(v, 64)
			if q > 1 {
				continue
			}
		}
		if name == "x-gzip" {
			name = "gzip"
		}
		if name != "" {
			if old, ok := said[name]; !ok || q > old {
				said[name] = q
			}
		}
	}
	best, most := "", 0.0
	for _, c := range codings {
		q, ok := said[c]
		if !ok {
			q = said["*"]
		}
		if q > most && q >= said["identity"] {
			best, most = c, q
		}
	}
	return best
}

func FuzzChoose(f *testing.F) {
	for _, seed := range []string{"", "gzip", "gzip, deflate, br, zstd", "gzip;q=0.5, zstd;q=0.4", "*", "*;q=0", "gzip;q=0, *",
		"identity;q=1, gzip;q=0.999", "identity;q=0", "x-gzip", "GZIP ; Q=1.000", "gzip;q=1.001", "gzip;q=0.", "gzip;q=", ",,;,",
		"gzip;level=9", "gzip gzip", "zstd\t;\tq=0.1,gzip"} {
		f.Add(seed)
	}
	codings := []*coding{newZstd(1), newGzip(5)}
	f.Fuzz(func(t *testing.T, accept string) {
		for _, c := range accept {
			if c > 0x7e || c < ' ' && c != '\t' {
				t.Skip("not a field value")
			}
		}
		got := ""
		if c := choose(codings, []byte(accept)); c != nil {
			got = c.name
		}
		require.Equal(t, slowChoose([]string{"zstd", "gzip"}, accept), got, "%q", accept)
	})
}

func TestChooseAllocatesNothing(t *testing.T) {
	codings := []*coding{newZstd(1), newGzip(5)}
	accept := []byte("gzip, deflate, br, zstd")
	require.Zero(t, testing.AllocsPerRun(100, func() { choose(codings, accept) }))
}

func BenchmarkEncode(b *testing.B) {
	p := []byte(text(10_000))
	for _, c := range []*coding{newZstd(1), newGzip(5)} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				e := c.get()
				out, err := e.append(dst[:0], p, false)
				if err == nil {
					out, err = e.end(out)
				}
				if err != nil {
					b.Fatal(err)
				}
				c.put(e)
				dst = out
			}
		})
	}
}
