package main

import (
	"bufio"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

// TestEvents: events arrive one by one, and each listener who leaves is noticed.
func TestEvents(t *testing.T) {
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		const listeners = 10
		streams := make([]*http.Response, listeners)
		for i := range streams {
			streams[i] = listen(t, addr)
		}
		for _, s := range streams {
			require.Equal(t, "text/event-stream", s.Header.Get("Content-Type"))
			lines := bufio.NewScanner(s.Body)
			for _, want := range []string{"id: 1", "id: 2", "id: 3"} {
				require.True(t, lines.Scan())
				require.Equal(t, want, lines.Text())
				require.True(t, lines.Scan())
				require.Equal(t, "event: time", lines.Text())
				require.True(t, lines.Scan())
				require.Regexp(t, `^data: 20\d\d-`, lines.Text())
				require.True(t, lines.Scan())
				require.Empty(t, lines.Text())
			}
		}
		requireListeners(t, addr, "10")
		for _, s := range streams[:listeners-1] {
			require.NoError(t, s.Body.Close())
		}
		requireListeners(t, addr, "1")
		require.NoError(t, streams[listeners-1].Body.Close())
		requireListeners(t, addr, "0")
	})
}

// TestShutdown: a stream without end ends, in good order, when the server shuts down.
func TestShutdown(t *testing.T) {
	const servers = 2
	ended := make(chan error, servers)
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		stream := listen(t, addr)
		go func() {
			_, err := io.Copy(io.Discard, stream.Body)
			ended <- err // nil only if the last chunk has come
		}()
	})
	for range servers {
		require.NoError(t, <-ended)
	}
}

func listen(t *testing.T, addr string) *http.Response {
	t.Helper()
	res, err := http.Get("http://" + addr + "/time")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	return res
}

// requireListeners waits until the server counts want listeners.
func requireListeners(t *testing.T, addr, want string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		res, err := http.Get("http://" + addr + "/listeners")
		require.NoError(c, err)
		defer res.Body.Close()
		got, err := io.ReadAll(res.Body)
		require.NoError(c, err)
		require.Equal(c, want, string(got))
	}, 10*time.Second, 10*time.Millisecond)
}
