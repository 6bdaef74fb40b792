package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

func TestRoutes(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		for _, c := range []struct {
			method, path, body string
			status             int
			want               string
		}{
			{"GET", "/hello/J%C3%BCrgen", "", 200, "hello, Jürgen"},
			{"GET", "/nowhere", "", 404, "404 page not found"},
			{"POST", "/orders", `{"item":"tea","count":3}`, 201, `{"client":"127.0.0.1","count":3,"ordered":"tea"}`},
			{"POST", "/orders", `{"item":"tea","count":101}`, 422, `{"error":"Key: 'order.Count' Error:Field validation for 'Count' failed on the 'max' tag"}`},
			{"POST", "/orders", `{"item":`, 422, `{"error":"unexpected EOF"}`},
			{"GET", "/admin/user", "", 401, ""},
		} {
			r, err := http.NewRequest(c.method, "http://"+addr+c.path, strings.NewReader(c.body))
			require.NoError(t, err)
			status, body := do(t, r)
			require.Equal(t, c.status, status, c.path)
			require.Equal(t, c.want, body, c.path)
		}
		r, err := http.NewRequest("GET", "http://"+addr+"/admin/user", nil)
		require.NoError(t, err)
		r.SetBasicAuth("root", "secret")
		status, body := do(t, r)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, `"root"`, body)
	})
}

// TestStream: gin watches a stream's client through http.CloseNotifier and writes through http.Flusher.
func TestStream(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		res, err := http.Get("http://" + addr + "/count/3")
		require.NoError(t, err)
		require.Equal(t, []string{"chunked"}, res.TransferEncoding)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, "1\n2\n3\n", string(body))
	})
}

// TestStreamClientLeaves: an endless stream ends with its client. Without that, Run could not shut the server down.
func TestStreamClientLeaves(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		client := &http.Client{Timeout: 10 * time.Second}
		res, err := client.Get("http://" + addr + "/count/forever")
		require.NoError(t, err)
		first := make([]byte, 6)
		_, err = io.ReadFull(res.Body, first)
		require.NoError(t, err)
		require.Equal(t, "1\n2\n3\n", string(first))
		require.NoError(t, res.Body.Close())
	})
}

func do(t *testing.T, r *http.Request) (status int, body string) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode, string(b)
}
