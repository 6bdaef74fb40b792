package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

// folder makes what is served: a page, and a file of 4 MiB, more than a socket takes at once.
func folder(t *testing.T) (big []byte) {
	big = make([]byte, 4<<20)
	rand.NewChaCha8([32]byte{}).Read(big)
	*dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(*dir, "big.bin"), big, 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(*dir, "site"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(*dir, "site", "index.html"), []byte("<p>hello</p>"), 0o644))
	return big
}

func TestFiles(t *testing.T) {
	big := folder(t)
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		res, body := get(t, "http://"+addr+"/big.bin")
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Equal(t, int64(len(big)), res.ContentLength)
		require.True(t, bytes.Equal(big, body), "not the file")

		again, body := get(t, "http://"+addr+"/big.bin", "If-Modified-Since", res.Header.Get("Last-Modified"))
		require.Equal(t, http.StatusNotModified, again.StatusCode)
		require.Empty(t, body)

		res, err := http.Head("http://" + addr + "/big.bin")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, int64(len(big)), res.ContentLength)

		res, body = get(t, "http://"+addr+"/site")
		require.Equal(t, "/site/", res.Request.URL.Path, "not redirected")
		require.Equal(t, "<p>hello</p>", string(body))
		require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))

		_, body = get(t, "http://"+addr+"/")
		require.Contains(t, string(body), `<a href="big.bin">`)
		res, _ = get(t, "http://"+addr+"/../main.go")
		require.Equal(t, http.StatusNotFound, res.StatusCode)
	})
}

func TestRanges(t *testing.T) {
	big := folder(t)
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		res, body := get(t, "http://"+addr+"/big.bin", "Range", "bytes=1000000-3000000")
		require.Equal(t, http.StatusPartialContent, res.StatusCode)
		require.Equal(t, "bytes 1000000-3000000/4194304", res.Header.Get("Content-Range"))
		require.True(t, bytes.Equal(big[1000000:3000001], body), "not the range")

		res, body = get(t, "http://"+addr+"/big.bin", "Range", "bytes=0-9,-10")
		require.Equal(t, http.StatusPartialContent, res.StatusCode)
		_, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
		require.NoError(t, err)
		parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for _, want := range [][]byte{big[:10], big[len(big)-10:]} {
			part, err := parts.NextPart()
			require.NoError(t, err)
			got, err := io.ReadAll(part)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}

		res, _ = get(t, "http://"+addr+"/big.bin", "Range", "bytes=9999999-")
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, res.StatusCode)
		require.Equal(t, "bytes */4194304", res.Header.Get("Content-Range"))
	})
}

// TestCurl resumes a download that was cut off.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl here")
	}
	big := folder(t)
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		part := filepath.Join(t.TempDir(), "part")
		require.NoError(t, os.WriteFile(part, big[:1<<20], 0o644))
		out, err := exec.Command(curl, "--silent", "--show-error", "--fail", "--continue-at", "-", "--output", part,
			"http://"+addr+"/big.bin").CombinedOutput()
		require.NoError(t, err, "%s", out)
		whole, err := os.ReadFile(part)
		require.NoError(t, err)
		require.True(t, bytes.Equal(big, whole), "not the file")
	})
}

// get sends a GET with the given field, if any.
func get(t *testing.T, url string, field ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	require.NoError(t, err)
	if len(field) == 2 {
		r.Header.Set(field[0], field[1])
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, body
}
