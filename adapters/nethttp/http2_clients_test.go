package nethttp_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/internal/chromium"
)

// everyProtocol starts a server that speaks all of HTTP, over TLS and not, and answers with the protocol and the body.
func everyProtocol(t *testing.T) (plain, secure string) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Size")
		body := bufio.NewReader(r.Body)
		body.Peek(1) // asks for it: curl waits a second for 100 (Continue)
		io.WriteString(w, r.Proto+" ")
		n, err := io.Copy(w, body)
		w.Header().Set("Size", fmt.Sprint(n, err))
	})
	cert, key := certificate(t)
	s := &nethttp.Server{Handler: h, Protocols: set(http1, http2, clearText), ErrorLog: quiet}
	return "http://" + running(t, s), "https://" + runningTLS(t, s, nil, cert, key)
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("SKIPPED: no curl here; HTTP/2 is not tried with it")
	}
	if features, err := exec.Command(curl, "--version").Output(); err != nil || !bytes.Contains(features, []byte("HTTP2")) {
		t.Skip("SKIPPED: this curl has no HTTP/2")
	}
	plain, secure := everyProtocol(t)
	upload := filepath.Join(t.TempDir(), "upload")
	body := strings.Repeat("0123456789abcdef", 1<<16)
	require.NoError(t, os.WriteFile(upload, []byte(body), 0o600))
	for _, tt := range []struct{ option, url, proto string }{
		{"--http2", secure, "HTTP/2.0"},
		{"--http1.1", secure, "HTTP/1.1"},
		{"--no-alpn", secure, "HTTP/1.1"},
		{"--http2-prior-knowledge", plain, "HTTP/2.0"},
		{"--http2", plain, "HTTP/1.1"}, // asks for an upgrade, which net/http does not know either (RFC 9113 has dropped it)
		{"--http1.1", plain, "HTTP/1.1"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		run := func(args ...string) string {
			args = append([]string{"--silent", "--show-error", "--fail", "--insecure", tt.option}, args...)
			out, err := exec.CommandContext(ctx, curl, args...).Output()
			require.NoError(t, err, "%s %s", tt.option, args)
			return string(out)
		}
		require.Equal(t, tt.proto+" ", run(tt.url))
		if tt.option != "--http2-prior-knowledge" { // curl 7.88 cannot do that twice on one connection, whoever serves it
			require.Equal(t, tt.proto+" "+tt.proto+" ", run(tt.url, tt.url), "twice on one connection")
		}
		require.Empty(t, run("--head", "--output", os.DevNull, tt.url))
		if got := run("--upload-file", upload, tt.url); got != tt.proto+" "+body {
			t.Errorf("%s %s: %d bytes: %.100q ...", tt.option, tt.url, len(got), got)
		}
	}
}

// A page and what it asks for at once come to a browser over HTTP/2.
func TestChromium(t *testing.T) {
	cert, key := certificate(t)
	s := &nethttp.Server{ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			io.WriteString(w, chromium.Page)
			return
		}
		io.Copy(w, r.Body)
	})}
	chromium.RequireHTTP2(t, "https://"+runningTLS(t, s, nil, cert, key)+"/", patience)
}
