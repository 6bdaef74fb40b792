package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoadTLS(t *testing.T) {
	dir, err := makeFiles()
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	mux := application(dir)
	defer gorillaSockets(mux)()
	s := httptest.NewTLSServer(mux)
	defer s.Close()
	body := filepath.Join(t.TempDir(), "body")
	require.NoError(t, os.WriteFile(body, []byte(patternOf(1_000_000)), 0o644))
	for name, args := range map[string][]string{
		"plaintext":         {"-expect-body", plaintext, s.URL + "/plaintext"},
		"pipelined":         {"-pipeline", "16", s.URL + "/plaintext"},
		"a handshake each":  {"-close", s.URL + "/plaintext"},
		"open loop":         {"-rate", "500", s.URL + "/json"},
		"a mix":             {"-url", "2=" + s.URL + "/json", "-url", "1=" + s.URL + "/users/3"},
		"large body":        {s.URL + "/bytes/3000000"},
		"echo":              {"-body-file", body, "-expect-body-file", body, s.URL + "/echo"},
		"WebSocket":         {"-size", "5000", wsURL(s.URL, "/ws")},
		"WebSocket, topics": {"-subscribe", "10", wsURL(s.URL, "/topic/x")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, portable := range []string{"-portable=false", "-portable"} {
				flags := []string{"load", "-json", "-d", "80ms", "-warmup", "20ms", portable}
				if name != "WebSocket, topics" {
					flags = append(flags, "-c", "3")
				}
				code, stdout, stderr := runBench(t.Context(), append(flags, args...)...)
				wentWell(t, code, stdout+stderr)
				require.NotContains(t, stdout, `"requests": 0,`)
			}
		})
	}
}

func TestLoadTLSFindsWhatIsWrong(t *testing.T) {
	var asked atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 20:
			io.WriteString(w, "jello")
		case 40:
			panic(http.ErrAbortHandler)
		default:
			io.WriteString(w, "hello")
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
		asked.Store(0)
		code, stdout, _ := load(t.Context(), "-warmup", "0s", s.URL)
		require.Equal(t, 1, code)
		require.Contains(t, stdout, "body differs at byte 0")
		require.Contains(t, stdout, "closed with 1 requests unanswered")
	})

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	code, _, stderr := runBench(t.Context(), "load", strings.Replace(plain.URL, "http", "https", 1))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "does not look like a TLS handshake")
}

// What was made for TLS is TLS: HTTP without it is no answer.
func TestServeTLS(t *testing.T) {
	for _, s := range parsing() {
		t.Run(s.name, func(t *testing.T) {
			_, url := startServing(t, s.name, serveOptions{tls: true})
			r, err := newRequest("GET", url+"/json", nil, nil)
			require.NoError(t, err)
			status, body, err := r.probe(t.Context(), startTimeout)
			require.NoError(t, err)
			require.Equal(t, 200, status)
			require.Equal(t, `{"message":"Hello, World!"}`, string(body))

			r, err = newRequest("GET", strings.Replace(url, "https", "http", 1)+"/json", nil, nil)
			require.NoError(t, err)
			status, _, err = r.probe(t.Context(), startTimeout)
			require.True(t, err != nil || status == 400, "status %d", status)
		})
	}
	for _, name := range []string{"gobwas", "floor"} {
		_, err := newServer(name, "", serveOptions{tls: true})
		require.ErrorContains(t, err, "-tls means nothing to "+name)
	}
}
