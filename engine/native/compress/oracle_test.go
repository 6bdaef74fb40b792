package compress

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
)

// invented answers with what its seed says: status, fields, sizes, flushes.
func invented(w *native.Response, r *native.Request) error {
	seed, _ := strconv.ParseUint(string(r.Param("seed")), 10, 64)
	random := rand.New(rand.NewPCG(seed, 0))
	maybe := func(name string, values ...string) {
		if v := random.IntN(2 + len(values)); v < len(values) {
			w.Set(name, values[v])
		}
	}
	size := []int{0, 1, 1000, 1024, 5000, 16 << 10, 17 << 10, 100_000}[random.IntN(8)]
	body := text(size)
	if random.IntN(4) == 0 {
		body = string(noise(size))
	}
	w.SetStatus([]int{200, 200, 200, 201, 404, 500, 206, 204, 304}[random.IntN(9)])
	maybe("Content-Type", "text/html", "application/json; charset=utf-8", "image/png", "text/event-stream", "a/b+xml")
	maybe("Vary", "Origin", "*", "Accept-Encoding, Origin")
	maybe("ETag", `"tag"`, `W/"tag"`)
	maybe("Cache-Control", "no-store", "no-transform")
	if random.IntN(8) == 0 {
		w.Set("Content-Range", "bytes 0-1/2")
	}
	if random.IntN(8) == 0 {
		w.SetTrailer("X-Trailer", "t")
	}
	if w.Status() == 204 || w.Status() == 304 {
		return nil
	}
	if random.IntN(4) == 0 {
		w.Set("Content-Length", strconv.Itoa(len(body)))
	}
	for body != "" {
		n := min(len(body), 1+random.IntN(40_000))
		if _, err := w.WriteString(body[:n]); err != nil {
			return err
		}
		if body = body[n:]; random.IntN(4) == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// The same handlers with the middleware and without: what the client has in the end is the same, and Vary tells whenever it
// gets it differently.
func TestAgreesWithPlain(t *testing.T) {
	rt := native.NewRouter()
	rt.Handle("GET /plain/{seed}", invented)
	g := rt.Group("/coded")
	g.Use(New(Options{}))
	g.Handle("GET /{seed}", invented)
	url := serve(t, rt, "")
	coded := 0
	for seed := range 600 {
		plain, body := ask(t, "GET", fmt.Sprintf("%s/plain/%d", url, seed), "gzip, zstd")
		var unasked *http.Response
		for _, accept := range []string{"", "gzip", "zstd, gzip;q=0.5", "identity;q=0, *;q=0.1", "br"} {
			res, got := ask(t, "GET", fmt.Sprintf("%s/coded/%d", url, seed), accept)
			label := fmt.Sprint(seed, accept, plain.Header, res.Header)
			require.Equal(t, string(body), decode(t, res, got), label)
			require.Equal(t, plain.StatusCode, res.StatusCode, label)
			require.Equal(t, plain.Trailer, res.Trailer, label)
			require.Equal(t, plain.Header["Content-Type"], res.Header["Content-Type"], label)
			require.Equal(t, plain.Header["Cache-Control"], res.Header["Cache-Control"], label)
			require.LessOrEqual(t, len(res.Header["Vary"]), 1, label)
			vary := strings.ToLower(res.Header.Get("Vary"))
			varies := strings.Contains(vary, "accept-encoding") || vary == "*"
			tag := plain.Header.Get("ETag")
			if res.Header.Get("Content-Encoding") != "" {
				coded++
				require.True(t, varies, label)
				require.Equal(t, strings.TrimPrefix(tag, "W/"), strings.TrimPrefix(res.Header.Get("ETag"), "W/"), label)
				require.False(t, strings.HasPrefix(res.Header.Get("ETag"), `"`), label)
			} else {
				require.Equal(t, plain.ContentLength, res.ContentLength, label)
				require.Equal(t, tag, res.Header.Get("ETag"), label)
			}
			if unasked == nil {
				unasked = res
				require.Empty(t, res.Header.Get("Content-Encoding"), label)
			}
			require.Equal(t, unasked.Header["Vary"], res.Header["Vary"], label)
		}
	}
	require.Greater(t, coded, 100)
}
