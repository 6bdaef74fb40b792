package load

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

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

func TestLoadTLS(t *testing.T) {
	_, url := benchtest.Serve(t, "net/http", servers.Options{TLS: true})
	body := filepath.Join(t.TempDir(), "body")
	require.NoError(t, os.WriteFile(body, []byte(pattern.Of(1_000_000)), 0o644))
	for name, args := range map[string][]string{
		"plaintext":         {"-expect-body", servers.Plaintext, url + "/plaintext"},
		"pipelined":         {"-pipeline", "16", url + "/plaintext"},
		"a handshake each":  {"-close", url + "/plaintext"},
		"open loop":         {"-rate", "500", url + "/json"},
		"a mix":             {"-url", "2=" + url + "/json", "-url", "1=" + url + "/users/3"},
		"large body":        {url + "/bytes/3000000"},
		"echo":              {"-body-file", body, "-expect-body-file", body, url + "/echo"},
		"WebSocket":         {"-size", "5000", wsURL(url, "/ws")},
		"WebSocket, topics": {"-subscribe", "10", wsURL(url, "/topic/x")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, portable := range []string{"-portable=false", "-portable"} {
				time := "80ms"
				if name == "large body" || name == "echo" { // on a busy machine none of these would end in that
					time = "400ms"
				}
				flags := []string{"load", "-json", "-d", time, "-warmup", "20ms", portable}
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
	enough := make(chan bool, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 20:
			io.WriteString(w, "jello")
		case 40:
			panic(http.ErrAbortHandler)
		case 200:
			enough <- true
			io.WriteString(w, "hello")
		default:
			io.WriteString(w, "hello")
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	bothDrivers(t, func(t *testing.T, load func(context.Context, ...string) (int, string, string)) {
		asked.Store(0)
		code, stdout, _ := load(until(t, enough), "-warmup", "0s", "-d", "30s", s.URL)
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
