package compress

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
)

// noise returns n bytes that do not compress well.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	p := make([]byte, n)
	for i := range p {
		p[i] = 'a' + byte(random.IntN(26))
	}
	return p
}

// However a body is cut into two writes, with a flush between them or without, the client reads the same.
func TestCuts(t *testing.T) {
	plain := noise(200_000)
	rt := native.NewRouter()
	rt.Use(New(Options{}))
	rt.Handle("GET /{size}/{cut}/{flush}", func(w *native.Response, r *native.Request) error {
		size, _ := strconv.Atoi(string(r.Param("size")))
		cut, _ := strconv.Atoi(string(r.Param("cut")))
		w.Write(plain[:cut])
		if string(r.Param("flush")) == "1" {
			if err := w.Flush(); err != nil {
				return err
			}
		}
		_, err := w.Write(plain[cut:size])
		return err
	})
	url := serve(t, rt, "")
	check := func(size, cut int) {
		for flush := range 2 {
			for _, coding := range []string{"gzip", "zstd"} {
				res, body := ask(t, "GET", fmt.Sprintf("%s/%d/%d/%d", url, size, cut, flush), coding)
				require.Equal(t, coding, res.Header.Get("Content-Encoding"))
				require.Equal(t, string(plain[:size]), decode(t, res, body), "%d %d %d %s", size, cut, flush, coding)
			}
		}
	}
	for cut := range 1101 {
		check(1100, cut)
	}
	// Around what is collected (16 KiB), gzip's window (32), what a filter gets at once (64) and zstd's window (128).
	for _, k := range []int{16, 32, 64, 128} {
		for d := -2; d <= 2; d++ {
			check(k<<10+d, 100)
			check(len(plain), k<<10+d)
		}
	}
}
