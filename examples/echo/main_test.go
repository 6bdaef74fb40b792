package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

func TestBinding(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		for _, c := range []struct {
			path   string
			status int
			want   string
		}{
			{"/mirror?x=1&y=2", 200, `{"x":2,"y":1}`},
			{"/mirror?x=one", 400, `{"message":"strconv.ParseInt: parsing \"one\": invalid syntax"}`},
			{"/nowhere", 404, `{"message":"Not Found"}`},
			{"/sum", 405, `{"message":"Method Not Allowed"}`},
		} {
			res, err := http.Get("http://" + addr + c.path)
			require.NoError(t, err)
			require.NotEmpty(t, res.Header.Get("X-Request-Id"))
			require.Equal(t, c.status, res.StatusCode, c.path)
			require.JSONEq(t, c.want, read(t, res), c.path)
		}
	})
}

// TestUpload: the files go up in many reads and, past a bound that package multipart keeps, through a temporary file.
func TestUpload(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcde\n"), 50_000)
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, err := w.CreateFormFile("file", "digits.txt")
		require.NoError(t, err)
		_, err = part.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())

		res, err := http.Post("http://"+addr+"/sum", w.FormDataContentType(), &form)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%x digits.txt", sha256.Sum256(content)), read(t, res))

		res, err = http.Post("http://"+addr+"/sum", "text/plain", bytes.NewReader(make([]byte, 2<<20)))
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
		require.JSONEq(t, `{"message":"Request Entity Too Large"}`, read(t, res))
	})
}

// TestFullDuplex: each line is answered before the next one is sent.
func TestFullDuplex(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		body, lines := io.Pipe()
		go lines.Write([]byte("first\n"))
		res, err := http.Post("http://"+addr+"/upper", "text/plain", body)
		require.NoError(t, err)
		answer := make([]byte, 6)
		_, err = io.ReadFull(res.Body, answer)
		require.NoError(t, err)
		require.Equal(t, "FIRST\n", string(answer))

		_, err = lines.Write([]byte("again\n"))
		require.NoError(t, err)
		_, err = io.ReadFull(res.Body, answer)
		require.NoError(t, err)
		require.Equal(t, "AGAIN\n", string(answer))

		require.NoError(t, lines.Close())
		require.Empty(t, read(t, res))
	})
}

func read(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return string(b)
}
