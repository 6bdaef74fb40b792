//go:build linux || darwin

package processes_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/processes"
)

// TestBalance: a thousand connections, all open at a time, are spread over four workers. With a socket for each worker the
// kernel does it by a hash, which is even; with one socket whoever is awake gets the next, and what is promised is
// only that nobody goes without.
func TestBalance(t *testing.T) {
	for _, share := range []processes.Share{processes.PerWorker, processes.Shared} {
		t.Run(share.String(), func(t *testing.T) {
			o := options(4)
			o.Share = share
			s := launch(t, config{Options: o}).up(4)
			count := map[int]int{}
			for range 1000 {
				c, err := net.Dial("tcp", s.addr)
				require.NoError(t, err)
				defer c.Close()
				_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				require.NoError(t, err)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				a, err := parseAnswer(string(body))
				require.NoError(t, err)
				count[a.index]++
			}
			t.Log(count)
			if share == processes.PerWorker {
				for index, n := range count {
					require.LessOrEqual(t, n, 375, "worker %d", index)
				}
			}
			s.kill(syscall.SIGTERM)
			require.Equal(t, 0, s.exits())
		})
	}
}
