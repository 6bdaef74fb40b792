package http2_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/http2"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/internal/chromium"
)

func echo(w *native.Response, r *native.Request) error {
	body, err := r.Body()
	if err != nil {
		return err
	}
	return w.Bytes(200, "text/plain", body)
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("SKIPPED: no curl here; HTTP/2 is not tried with it")
	}
	if features, err := exec.Command(curl, "--version").Output(); err != nil || !bytes.Contains(features, []byte("HTTP2")) {
		t.Skip("SKIPPED: this curl has no HTTP/2")
	}
	a := run(t, &native.Server{BodyBytesMax: -1, Router: router(map[string]native.Handler{"/": echo})}, http2.Options{})
	upload := filepath.Join(t.TempDir(), "upload")
	body := strings.Repeat("0123456789abcdef", 1<<18)
	require.NoError(t, os.WriteFile(upload, []byte(body), 0o600))
	for _, tt := range []struct{ option, url, version string }{
		{"--http2", "https://" + a.secure, "2"},
		{"--http1.1", "https://" + a.secure, "1.1"},
		{"--no-alpn", "https://" + a.secure, "1.1"},
		{"--http2-prior-knowledge", "http://" + a.plain, "2"},
		{"--http1.1", "http://" + a.plain, "1.1"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		out, err := exec.CommandContext(ctx, curl, "--silent", "--show-error", "--fail", "--insecure", tt.option,
			"--write-out", "%{http_version}", "--upload-file", upload, tt.url).Output()
		require.NoError(t, err, "%+v", tt)
		if got := string(out); got != body+tt.version {
			t.Errorf("%+v: %d bytes, %.100q ... %q", tt, len(got), got, got[max(0, len(got)-10):])
		}
	}
}

// A page and what it asks for at once come to a browser over HTTP/2.
func TestChromium(t *testing.T) {
	a := run(t, &native.Server{Router: router(map[string]native.Handler{
		"/{$}": func(w *native.Response, r *native.Request) error { return w.HTML(200, chromium.Page) }, "/echo": echo,
	})}, http2.Options{})
	chromium.RequireHTTP2(t, "https://"+a.secure+"/", patience)
}
