package native

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What nginx writes is understood: in front of us, over a Unix socket, with a client that has put lies into all fields.
func TestClientBehindNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("NO NGINX: what it writes remains untested")
	}
	dir, err := os.MkdirTemp("/tmp", "nginx") // short, for the socket, and open to nginx's user
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o755))
	var addr string
	for fields, value := range map[ProxyFields]string{
		XForwarded: "X-Forwarded-For $proxy_add_x_forwarded_for",
		Forwarded:  `Forwarded '$http_forwarded, for=$remote_addr;proto=$scheme;host="$http_host"'`,
		XRealIP:    "X-Real-IP $remote_addr",
	} {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addr = free.Addr().String()
		free.Close()
		socket := filepath.Join(dir, "s")
		s := &Server{Router: origins(), Addr: "unix:" + socket, Proxies: Proxies{Fields: fields}}
		s.Proxies.Trusted.Unix = true
		s.Listen.Mode = 0o666
		served := make(chan error, 1)
		go func() { served <- s.ListenAndServe() }()
		conf := filepath.Join(dir, "nginx.conf")
		require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `
			daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
			events {}
			http {
				access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/c;
				server {
					listen %[2]s;
					location / {
						proxy_pass http://unix:%[3]s;
						proxy_set_header %[4]s;
						proxy_set_header X-Forwarded-Proto $scheme;
						proxy_set_header X-Forwarded-Host $http_host;
					}
				}
			}`, dir, addr, socket, value), 0o644))
		front := exec.Command(nginx, "-p", dir, "-c", conf)
		front.Stderr = os.Stderr
		require.NoError(t, front.Start())
		var res *http.Response
		eventually(t, "nginx", func() bool {
			req, err := http.NewRequest("GET", "http://"+addr+"/", nil)
			require.NoError(t, err)
			req.Host = "a.example:8080"
			req.Header = http.Header{"X-Forwarded-For": {"1.1.1.1"}, "X-Real-Ip": {"1.1.1.1"}, "X-Forwarded-Proto": {"https"},
				"X-Forwarded-Host": {"evil"}, "Forwarded": {`for=1.1.1.1;proto=https;host=evil`}}
			res, err = http.DefaultTransport.RoundTrip(req)
			if err != nil {
				time.Sleep(10 * time.Millisecond)
				return false
			}
			if res.StatusCode == 502 { // we are not there yet
				res.Body.Close()
				time.Sleep(10 * time.Millisecond)
				return false
			}
			return true
		})
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, "127.0.0.1:0 http a.example:8080", string(body), fields)
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		require.NoError(t, front.Process.Kill())
		front.Wait()
		s.Close()
		require.ErrorIs(t, await(t, served, "ListenAndServe to return"), ErrServerClosed)
	}
}
