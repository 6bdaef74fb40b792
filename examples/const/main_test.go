package main

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

// TestOnce: many ask, and the handler runs once; again when the answer has been dropped.
func TestOnce(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		var clients sync.WaitGroup
		for range 10 {
			clients.Go(func() {
				for range 10 {
					_, body, err := fetch("GET", "http://"+addr+"/prices")
					assert.NoError(t, err)
					assert.True(t, strings.HasPrefix(body, "Edition 1\n"), body)
				}
			})
		}
		clients.Wait()
		_, computed, err := fetch("GET", "http://"+addr+"/computed")
		require.NoError(t, err)
		require.Equal(t, "1\n", computed)

		res, body, err := fetch("PUT", "http://"+addr+"/prices/tea")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Equal(t, "tea is noted\n", body)
		_, body, err = fetch("GET", "http://"+addr+"/prices")
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(body, "Edition 2\n"), body)
	})
}

// TestAnswer: what the handler does not do by itself.
func TestAnswer(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		res, body, err := fetch("GET", "http://"+addr+"/prices", "Accept-Encoding", "identity")
		require.NoError(t, err)
		require.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
		tag := res.Header.Get("ETag")
		require.NotEmpty(t, tag)

		res, again, err := fetch("GET", "http://"+addr+"/prices", "Accept-Encoding", "identity", "If-None-Match", tag)
		require.NoError(t, err)
		require.Equal(t, http.StatusNotModified, res.StatusCode)
		require.Empty(t, again)

		res, coded, err := fetch("GET", "http://"+addr+"/prices", "Accept-Encoding", "gzip")
		require.NoError(t, err)
		require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
		require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
		require.Less(t, len(coded), len(body))

		res, _, err = fetch("DELETE", "http://"+addr+"/prices")
		require.NoError(t, err)
		require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
		require.Equal(t, "GET, HEAD", res.Header.Get("Allow"))
	})
}

func fetch(method, url string, fields ...string) (res *http.Response, body string, err error) {
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	if res, err = http.DefaultClient.Do(r); err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}
