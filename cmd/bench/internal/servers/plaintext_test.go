package servers_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

var date = regexp.MustCompile(`Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT`)

// Every server sends the same fields and as many bytes for /plaintext, raw ones too: what is compared is not the
// length of answers.
func TestPlaintextIsAlike(t *testing.T) {
	const get = "GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, s := range servers.All {
		t.Run(s.Name, func(t *testing.T) {
			if s.Raw && runtime.GOOS != "linux" {
				t.Skip("raw servers run on Linux")
			}
			if s.Sockets == servers.SocketsOnly {
				t.Skip("it has WebSockets only")
			}
			conn, err := net.Dial("tcp", strings.TrimPrefix(benchtest.Serving(t, s.Name), "http://"))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			r := bufio.NewReader(conn)
			const size = 115
			answer := func() {
				b := make([]byte, size)
				_, err := io.ReadFull(r, b)
				require.NoError(t, err)
				head, body, _ := strings.Cut(string(b), "\r\n\r\n")
				lines := strings.Split(date.ReplaceAllString(head, "Date: now"), "\r\n")
				slices.Sort(lines[1:])
				require.Equal(t, []string{"HTTP/1.1 200 OK", "Content-Length: 13", "Content-Type: text/plain", "Date: now"}, lines)
				require.Equal(t, servers.Plaintext, body)
			}
			_, err = io.WriteString(conn, strings.Repeat(get, 16))
			require.NoError(t, err)
			for range 16 {
				answer()
			}
			require.Zero(t, r.Buffered())

			// A head that comes in pieces is one head.
			for cut := 1; cut < len(get); cut += 5 {
				_, err = io.WriteString(conn, get[:cut])
				require.NoError(t, err)
				time.Sleep(time.Millisecond)
				_, err = io.WriteString(conn, get[cut:]+get)
				require.NoError(t, err)
				answer()
				answer()
				require.Zero(t, r.Buffered())
			}
		})
	}
}

// Connections go round between the loops of the floor, and end with it.
func TestFloorLoops(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("floor runs on Linux")
	}
	s, err := servers.New("floor", "", servers.Options{Loops: 3})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	var conns []net.Conn
	for i := range 7 {
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode)
		conns = append(conns, conn)
	}
	require.NoError(t, s.Shutdown(t.Context()))
	require.ErrorIs(t, <-done, http.ErrServerClosed)
	for _, conn := range conns {
		_, err := io.Copy(io.Discard, conn)
		require.NoError(t, err)
	}
}
