package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t) }

// behind starts a backend and returns a newServer whose server passes requests on to it.
func behind(t *testing.T, backend http.HandlerFunc) func(string) *nethttp.Server {
	b := httptest.NewServer(backend)
	t.Cleanup(b.Close)
	return func(addr string) *nethttp.Server {
		*target = b.URL
		return newServer(addr)
	}
}

func TestForwarding(t *testing.T) {
	newServer := behind(t, func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprintln(w, r.Method, r.RequestURI, n, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"))
		w.Header().Set("X-Sum", fmt.Sprintf("%x", h.Sum(nil)))
	})
	body := strings.Repeat("what goes up ", 1<<16)
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		for _, known := range []bool{true, false} { // Content-Length, and chunks
			r, err := http.NewRequest("POST", "http://"+addr+"/a%2Fb?q=1", strings.NewReader(body))
			require.NoError(t, err)
			if !known {
				r.ContentLength = -1
			}
			res, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			got, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Equal(t, http.StatusOK, res.StatusCode)
			require.Equal(t, fmt.Sprintln("POST", "/a%2Fb?q=1", len(body), "127.0.0.1", "http"), string(got))
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(body))), res.Trailer.Get("X-Sum"))
		}
	})
}

// TestStream: an event is passed on when it comes, not when the stream ends, and the backend learns that the client
// has left.
func TestStream(t *testing.T) {
	left := make(chan struct{}, 2)
	newServer := behind(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: first\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		left <- struct{}{}
	})
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		res, err := http.Get("http://" + addr + "/")
		require.NoError(t, err)
		line, err := bufio.NewReader(res.Body).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "data: first\n", line)
		require.NoError(t, res.Body.Close())
		<-left
	})
}

// TestUpgrade: after 101 the proxy passes bytes both ways, in a connection it has hijacked.
func TestUpgrade(t *testing.T) {
	newServer := behind(t, func(w http.ResponseWriter, r *http.Request) {
		c, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
		io.Copy(c, buffered)
	})
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		require.NoError(t, err)
		in := bufio.NewReader(c)
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
		require.Equal(t, "echo", res.Header.Get("Upgrade"))
		for _, line := range []string{"there\n", "and back\n"} {
			_, err = io.WriteString(c, line)
			require.NoError(t, err)
			got, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, line, got)
		}
	})
}

func TestBackendDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	*target = "http://" + l.Addr().String()
	require.NoError(t, l.Close())
	twin.Run(t, newServer, func(t *testing.T, addr string) {
		res, err := http.Get("http://" + addr + "/")
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusBadGateway, res.StatusCode)
		require.Equal(t, "the server behind this one does not answer\n", string(body))
	})
}
