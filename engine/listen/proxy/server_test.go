package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/listen/proxy"
	"github.com/peregrine-http/peregrine/engine/native"
)

// server is what the tests below do the same with.
type server interface {
	Serve(net.Listener) error
	Close() error
}

// servers answer with the addresses of the connection.
func servers() map[string]server {
	h := http.NewServeMux()
	h.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		io.WriteString(w, r.RemoteAddr+" "+local.String())
	})
	h.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer nc.Close()
		io.WriteString(nc, "hijacked "+nc.RemoteAddr().String()+" "+nc.LocalAddr().String())
	})
	rt := native.NewRouter()
	rt.Handle("GET /", func(w *native.Response, r *native.Request) error {
		return w.Text(200, r.RemoteAddr().String()+" "+r.LocalAddr().String())
	})
	all := map[string]server{
		"net/http":          &http.Server{Handler: h},
		"nethttp, portable": &nethttp.Server{Handler: h, Transport: "portable"},
		"native, portable":  &native.Server{Router: rt, Transport: "portable"},
		"nethttp":           &nethttp.Server{Handler: h},
		"native":            &native.Server{Router: rt},
		"nethttp with hooks": &nethttp.Server{Handler: h,
			ConnState: func(net.Conn, http.ConnState) {},
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				if c.RemoteAddr().String() == "127.0.0.1:4000" { // never: it is the client's
					panic("the proxy's address")
				}
				return ctx
			}},
	}
	if runtime.GOOS == "linux" {
		for _, transport := range []string{"epoll", "gnet", "netpoll"} {
			all["nethttp, "+transport] = &nethttp.Server{Handler: h, Transport: transport}
		}
	}
	return all
}

var loopback = listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Unix: true}

func serve(t *testing.T, s server, addr string, c proxy.Config) net.Listener {
	t.Helper()
	bottom, err := listen.Config{}.Listen(addr)
	require.NoError(t, err)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := proxy.New(bottom, c)
	require.NoError(t, err)
	served := make(chan struct{})
	go func() { s.Serve(l); close(served) }()
	t.Cleanup(func() { s.Close(); <-served })
	return l
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial(l.Addr().Network(), l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

const (
	header  = "PROXY TCP4 1.2.3.4 5.6.7.8 1234 80\r\n"
	header2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x04\xd2\x00\x50"
	local2  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	client  = "1.2.3.4:1234 5.6.7.8:80"
)

func answer(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}

func TestServers(t *testing.T) {
	for name, s := range servers() {
		t.Run(name, func(t *testing.T) {
			l := serve(t, s, "127.0.0.1:0", proxy.Config{Trusted: loopback})
			for _, h := range []string{header, header2} {
				// With the first requests, and more of them on the same connection.
				c := dial(t, l)
				r := bufio.NewReader(c)
				io.WriteString(c, h+request+request)
				require.Equal(t, client, answer(t, r))
				require.Equal(t, client, answer(t, r))
				io.WriteString(c, request)
				require.Equal(t, client, answer(t, r))

				// Slowly.
				c = dial(t, l)
				for i := range h {
					io.WriteString(c, h[i:i+1])
					time.Sleep(time.Millisecond)
				}
				io.WriteString(c, request)
				require.Equal(t, client, answer(t, bufio.NewReader(c)))

				// Alone, then the end.
				c = dial(t, l)
				io.WriteString(c, h)
				c.(*net.TCPConn).CloseWrite()
				text, err := io.ReadAll(c)
				require.NoError(t, err)
				require.Empty(t, text)
			}
			c := dial(t, l)
			io.WriteString(c, local2+request)
			require.Equal(t, c.LocalAddr().String()+" "+c.RemoteAddr().String(), answer(t, bufio.NewReader(c)))

			if _, ok := s.(*native.Server); !ok {
				c = dial(t, l)
				io.WriteString(c, header+strings.Replace(request, "/", "/hijack", 1))
				text, err := io.ReadAll(c)
				require.NoError(t, err)
				require.Equal(t, "hijacked "+client, string(text))
			}
			for _, wrong := range []string{"PROXY TCP4 1.2.3.4\r\n" + request, request} {
				c = dial(t, l)
				io.WriteString(c, wrong)
				text, _ := io.ReadAll(c) // closed, perhaps with a reset
				require.Empty(t, text)
			}
		})
	}
}

func TestServersCloseLate(t *testing.T) {
	for name, s := range servers() {
		t.Run(name, func(t *testing.T) {
			l := serve(t, s, "127.0.0.1:0", proxy.Config{Trusted: loopback, Timeout: 50 * time.Millisecond})
			for _, begun := range []string{"", "PROXY TC"} {
				c := dial(t, l)
				io.WriteString(c, begun)
				text, _ := io.ReadAll(c)
				require.Empty(t, text)
			}
		})
	}
}

func TestServersCloseUntrusted(t *testing.T) {
	strangers := listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for name, s := range servers() {
		t.Run(name, func(t *testing.T) {
			l := serve(t, s, "127.0.0.1:0", proxy.Config{Trusted: strangers, Timeout: time.Hour})
			for _, in := range []string{"", header + request, request} {
				c := dial(t, l)
				io.WriteString(c, in)
				text, _ := io.ReadAll(c)
				require.Empty(t, text)
			}
		})
	}
}

func TestServersOptional(t *testing.T) {
	for name, s := range servers() {
		t.Run(name, func(t *testing.T) {
			// One for who is in time, however slow the machine, one for who is late.
			l := serve(t, s, "127.0.0.1:0", proxy.Config{Trusted: loopback, Optional: true, Timeout: time.Minute})
			hasty := serve(t, s, "127.0.0.1:0", proxy.Config{Trusted: loopback, Optional: true, Timeout: time.Millisecond})
			c := dial(t, l)
			io.WriteString(c, header+request)
			require.Equal(t, client, answer(t, bufio.NewReader(c)))
			late := dial(t, hasty)
			time.Sleep(20 * time.Millisecond)
			for _, c := range []net.Conn{dial(t, l), dial(t, hasty), late} {
				io.WriteString(c, request)
				require.Equal(t, c.LocalAddr().String()+" "+c.RemoteAddr().String(), answer(t, bufio.NewReader(c)))
			}
		})
	}
}

func certificate(t *testing.T) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "h"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// The header comes before TLS.
func TestServersTLS(t *testing.T) {
	for name, s := range servers() {
		serveTLS, ok := s.(interface {
			ServeTLS(net.Listener, string, string) error
		})
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			switch s := s.(type) {
			case *http.Server:
				s.TLSConfig = certificate(t)
			case *nethttp.Server:
				s.TLSConfig = certificate(t)
			case *native.Server:
				s.TLSConfig = certificate(t)
			}
			bottom, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			l, err := proxy.New(bottom, proxy.Config{Trusted: loopback, Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			served := make(chan struct{})
			go func() { serveTLS.ServeTLS(l, "", ""); close(served) }()
			t.Cleanup(func() { s.Close(); <-served })
			for _, protocols := range [][]string{{"http/1.1"}, {"h2", "http/1.1"}} {
				if _, ok := s.(*native.Server); ok && len(protocols) > 1 {
					continue // HTTP/2 is an adapter's
				}
				c := dial(t, l)
				io.WriteString(c, header2)
				transport := &http.Transport{
					TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, NextProtos: protocols},
					ForceAttemptHTTP2: len(protocols) > 1,
					DialContext:       func(context.Context, string, string) (net.Conn, error) { return c, nil },
				}
				res, err := (&http.Client{Transport: transport}).Get("https://h/")
				require.NoError(t, err)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.Equal(t, client, string(body))
				require.Equal(t, len(protocols), res.ProtoMajor, res.Proto)
				transport.CloseIdleConnections()
			}
		})
	}
}

// curl returns what curl prints.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("NO CURL: what it makes of this server remains untested")
	}
	var errs bytes.Buffer
	c := exec.Command("curl", append([]string{"-sS", "--max-time", "20"}, args...)...)
	c.Stderr = &errs
	out, err := c.Output()
	require.NoError(t, err, errs.String())
	return string(out)
}

func TestCurl(t *testing.T) {
	for name, s := range servers() {
		t.Run(name, func(t *testing.T) {
			l := serve(t, s, "127.0.0.1:0", proxy.Config{Trusted: loopback})
			out := curl(t, "--haproxy-protocol", "-w", " %{local_ip}:%{local_port} %{remote_ip}:%{remote_port}", "http://"+l.Addr().String()+"/")
			addrs := strings.Fields(out)
			require.Len(t, addrs, 4)
			require.Equal(t, addrs[2:], addrs[:2])
		})
	}
}

// On a Unix socket the header is the only one that knows who is there; curl says UNKNOWN.
func TestUnixSocket(t *testing.T) {
	for name, s := range servers() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			l := serve(t, s, "unix:"+path, proxy.Config{Trusted: loopback})
			c := dial(t, l)
			io.WriteString(c, header+request)
			require.Equal(t, client, answer(t, bufio.NewReader(c)))
			require.Equal(t, "@ "+path, curl(t, "--haproxy-protocol", "--unix-socket", path, "http://h/"))
		})
	}
}

// The header comes before TLS also where that is a listener of its own, and who sends none delays nobody else.
func TestServersUnderTLSListener(t *testing.T) {
	for name, s := range servers() {
		if strings.HasSuffix(name, "gnet") || strings.HasSuffix(name, "netpoll") || strings.HasSuffix(name, "epoll") {
			continue // which such a listener is not for
		}
		if strings.HasSuffix(name, "hooks") {
			continue // which ask for an address while accepting, see Listener.Accept
		}
		t.Run(name, func(t *testing.T) {
			bottom, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			l, err := proxy.New(bottom, proxy.Config{Trusted: loopback, Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			served := make(chan struct{})
			go func() { s.Serve(tls.NewListener(l, certificate(t))); close(served) }()
			t.Cleanup(func() { s.Close(); <-served })
			for range 3 {
				dial(t, l)
			}
			raw := dial(t, l)
			io.WriteString(raw, header)
			c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
			io.WriteString(c, request)
			require.Equal(t, client, answer(t, bufio.NewReader(c)))
		})
	}
}
