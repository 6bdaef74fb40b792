//go:build linux || darwin

package guest_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// A program for net/http names one of the transports, and all else is as before: files, contexts, TLS, HTTP/2.
func TestNetHTTP(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // more than sockets keep
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, content, 0o600))
	gone := make(chan bool, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) })
	mux.HandleFunc("/proto", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto+" "+r.RemoteAddr) })
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		gone <- true
	})
	certified := httptest.NewUnstartedServer(nil) // for its certificate
	certified.EnableHTTP2 = true
	certified.StartTLS()
	defer certified.Close()

	each(t, func(t *testing.T, transport string) {
		for _, proto := range []string{"HTTP/1.1", "HTTP/1.1 over TLS", "HTTP/2.0"} {
			t.Run(proto, func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				s := &nethttp.Server{Handler: mux, Transport: transport}
				serve, scheme := func() error { return s.Serve(l) }, "http://"
				client := &http.Client{Transport: new(http.Transport)}
				if proto != "HTTP/1.1" {
					s.TLSConfig = certified.TLS.Clone()
					serve, scheme = func() error { return s.ServeTLS(l, "", "") }, "https://"
					tr := certified.Client().Transport.(*http.Transport).Clone()
					tr.ForceAttemptHTTP2 = proto == "HTTP/2.0"
					if s.TLSConfig.NextProtos = nil; !tr.ForceAttemptHTTP2 {
						tr.Protocols = new(http.Protocols)
						tr.Protocols.SetHTTP1(true)
						tr.TLSClientConfig.NextProtos = nil
					}
					client.Transport = tr
				}
				ended := make(chan error, 1)
				go func() { ended <- serve() }()
				url := scheme + l.Addr().String()
				for range 2 {
					res, err := client.Get(url + "/proto")
					require.NoError(t, err)
					body, err := io.ReadAll(res.Body)
					require.NoError(t, err)
					require.Contains(t, string(body), proto[:8]+" 127.0.0.1:")

					res, err = client.Get(url + "/file")
					require.NoError(t, err)
					body, err = io.ReadAll(res.Body)
					require.NoError(t, err)
					require.True(t, bytes.Equal(content, body))

					res, err = client.Get(url + "/wait")
					require.NoError(t, err)
					res.Body.Close()
					<-gone
				}
				client.CloseIdleConnections()
				require.NoError(t, s.Shutdown(t.Context()))
				require.True(t, errors.Is(<-ended, http.ErrServerClosed))
			})
		}
	})
}
