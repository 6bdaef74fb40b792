package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

func TestUsers(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		status, header, body := get(t, "http://"+addr+"/users/2")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "application/json", header.Get("Content-Type"))
		require.Equal(t, "chi", header.Get("X-Served-By"))
		require.JSONEq(t, `{"id":2,"name":"Grace"}`, body)

		res, err := http.Post("http://"+addr+"/users/", "application/json", strings.NewReader(`{"name":"Barbara"}`))
		require.NoError(t, err)
		created, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusCreated, res.StatusCode)
		require.JSONEq(t, `{"id":4,"name":"Barbara"}`, string(created))

		_, _, body = get(t, "http://"+addr+"/users/4")
		require.JSONEq(t, `{"id":4,"name":"Barbara"}`, body)
	})
}

func TestRefusals(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		for path, want := range map[string]int{
			"/users/99":   http.StatusNotFound,
			"/users/none": http.StatusBadRequest,
			"/elsewhere":  http.StatusNotFound,
			"/panic":      http.StatusInternalServerError, // middleware.Recoverer's
		} {
			status, _, _ := get(t, "http://"+addr+path)
			require.Equal(t, want, status, path)
		}
		res, err := http.Post("http://"+addr+"/ping", "text/plain", nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
	})
}

// TestBlockingBesideFast: many clients wait for the database while others ping, and every answer is the right one.
func TestBlockingBesideFast(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		users := map[string]string{
			"1": `{"id":1,"name":"Ada"}` + "\n",
			"2": `{"id":2,"name":"Grace"}` + "\n",
			"3": `{"id":3,"name":"Edsger"}` + "\n",
		}
		var clients sync.WaitGroup
		ask := func(times int, url, want string) {
			for range times {
				_, _, body, err := fetch(url)
				assert.NoError(t, err)
				assert.Equal(t, want, body)
			}
		}
		for range 5 {
			for id, user := range users {
				clients.Go(func() { ask(5, "http://"+addr+"/users/"+id, user) })
			}
			clients.Go(func() { ask(100, "http://"+addr+"/ping", "pong\n") })
		}
		clients.Wait()
	})
}

// TestClientLeaves: a query whose client has left is given up. Without that, Run could not shut the server down.
func TestClientLeaves(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		ctx, cancel := context.WithTimeout(context.Background(), 600*time.Millisecond) // more than a machine stands still
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/users/1?slow", nil)
		require.NoError(t, err)
		_, err = http.DefaultClient.Do(r)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Eventually(t, func() bool {
			_, _, body := get(t, "http://"+addr+"/stats")
			return strings.Contains(body, `"given_up":1`)
		}, 10*time.Second, 10*time.Millisecond)
	})
}

func get(t *testing.T, url string) (status int, header http.Header, body string) {
	t.Helper()
	status, header, body, err := fetch(url)
	require.NoError(t, err)
	return status, header, body
}

func fetch(url string) (status int, header http.Header, body string, err error) {
	res, err := http.Get(url)
	if err != nil {
		return 0, nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, string(b), err
}
