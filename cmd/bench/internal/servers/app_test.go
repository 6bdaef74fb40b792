package servers_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// parsing are the servers that have the application.
func parsing() []servers.Candidate {
	return slices.DeleteFunc(slices.Clone(servers.All), func(s servers.Candidate) bool { return s.Raw || s.Sockets == servers.SocketsOnly })
}

// Every server answers every endpoint alike: comparing them would mean nothing otherwise.
func TestApplication(t *testing.T) {
	long := strings.Repeat("0123456789", 200_000)
	for _, s := range parsing() {
		t.Run(s.Name, func(t *testing.T) {
			url := benchtest.Serving(t, s.Name)
			for _, c := range []struct {
				method, path, send string
				status             int
				body               string
			}{
				{"GET", "/plaintext", "", 200, servers.Plaintext},
				{"GET", "/const", "", 200, servers.Plaintext},
				{"GET", "/json", "", 200, `{"message":"Hello, World!"}`},
				{"GET", "/users/42", "", 200, "42"},
				{"GET", "/users/a%20b", "", 200, "a b"},
				{"POST", "/echo", "hello", 200, "hello"},
				{"POST", "/echo", "", 200, ""},
				{"POST", "/echo", long, 200, long},
				{"GET", "/bytes/0", "", 200, ""},
				{"GET", "/bytes/24", "", 200, "abcdefghijklmnopqrstuvwa"},
				{"GET", "/bytes/-1", "", 400, fmt.Sprintf("want a number from 0 to %d\n", 64<<20)},
				{"GET", "/bytes/x", "", 400, fmt.Sprintf("want a number from 0 to %d\n", 64<<20)},
				{"GET", "/sleep/1", "", 200, "awake"},
				{"GET", "/sleep/60001", "", 400, "want milliseconds from 0 to 60000\n"},
				{"GET", "/bytes/100000", "", 200, strings.Repeat(string(pattern.Bytes), 4)[:100_000]},
				{"GET", "/static/small.txt", "", 200, string(pattern.Bytes[:1024])},
				{"GET", "/static/large.txt", "", 200, strings.Repeat(string(pattern.Bytes), 33)[:1<<20]},
				{"GET", "/static/none.txt", "", 404, ""},
				{"GET", "/users/4/2", "", 404, ""},
				{"GET", "/echo", "", 405, "Method Not Allowed\n"},
				{"HEAD", "/plaintext", "", 200, ""},
				{"DELETE", "/plaintext", "", 405, "Method Not Allowed\n"},
			} {
				req, err := http.NewRequest(c.method, url+c.path, strings.NewReader(c.send))
				require.NoError(t, err)
				resp, err := http.DefaultClient.Do(req)
				require.NoError(t, err, c.path)
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				require.NoError(t, err, c.path)
				require.Equal(t, c.status, resp.StatusCode, c.path)
				if c.status == 404 { // in each server's own words
					require.NotEmpty(t, body, c.path)
					continue
				}
				require.Equal(t, c.body, string(body), c.path)
				if c.status == 200 && c.method != "HEAD" {
					require.EqualValues(t, len(c.body), resp.ContentLength, c.path)
				}
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// The echo of a body without a length comes back while the body is still being sent.
func TestEchoStreams(t *testing.T) {
	for _, s := range parsing() {
		t.Run(s.Name, func(t *testing.T) {
			if s.Whole {
				t.Skip("it reads a whole body before it answers")
			}
			url := benchtest.Serving(t, s.Name)
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			io.WriteString(conn, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
			piece := strings.Repeat("x", 64<<10)
			go fmt.Fprintf(conn, "%x\r\n%s\r\n", len(piece), piece)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			first := make([]byte, 16<<10)
			_, err = io.ReadFull(resp.Body, first)
			require.NoError(t, err)
			go io.WriteString(conn, "0\r\n\r\n")
			rest, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Len(t, rest, len(piece)-len(first))
		})
	}
}

func TestEventsFlow(t *testing.T) {
	for _, s := range parsing() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel() // it waits
			url := benchtest.Serving(t, s.Name)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, "GET", url+"/events", nil)
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
			lines := bufio.NewScanner(resp.Body)
			var ids []string
			for len(ids) < 2 && lines.Scan() {
				if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
					ids = append(ids, id)
				}
			}
			require.Equal(t, []string{"0", "1"}, ids)
		})
	}
}

// Our servers serve on every transport that the program has.
func TestTransports(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("loops are the system's")
	}
	for _, name := range []string{"native", "adapter"} {
		for _, transport := range []string{"epoll", "portable", "gnet", "netpoll"} {
			t.Run(name+" on "+transport, func(t *testing.T) {
				_, url := benchtest.Serve(t, name, servers.Options{Transport: transport})
				resp, err := http.Post(url+"/echo", "text/plain", strings.NewReader("hello"))
				require.NoError(t, err)
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.Equal(t, 200, resp.StatusCode)
				require.Equal(t, "hello", string(body))
			})
		}
	}
}
