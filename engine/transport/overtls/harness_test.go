package overtls_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// patience is how long a thing that must happen may take on a busy machine.
const patience = 20 * time.Second

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := new(authority)
	c := a.sign(t, "authority")
	a.key, a.cert = c.PrivateKey.(*ecdsa.PrivateKey), c.Leaf
	a.pool = x509.NewCertPool()
	a.pool.AddCert(a.cert)
	return a
}

// sign returns a certificate for name, which its authority has signed, or itself if there is none yet.
func (a *authority) sign(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: a.cert == nil,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// server is a running server, and an authority that its clients trust.
type server struct {
	*engine.Server
	t    testing.TB
	ca   *authority
	addr string

	mu  sync.Mutex
	log []string
}

type handler func(x *engine.Exchange)

func (h handler) ServeExchange(x *engine.Exchange) { h(x) }

// onTransports runs f on every transport that the system has.
func onTransports(t *testing.T, f func(t *testing.T, transport string)) {
	for _, transport := range []string{"epoll", "portable"} {
		if transport == "epoll" && runtime.GOOS != "linux" {
			continue
		}
		t.Run(transport, func(t *testing.T) { f(t, transport) })
	}
}

// serve runs a server until the end of the test.
func serve(t testing.TB, transport string, h handler, changes ...func(*engine.Server)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return serveListener(t, l, transport, h, changes...)
}

func serveListener(t testing.TB, l net.Listener, transport string, h handler, changes ...func(*engine.Server)) *server {
	t.Helper()
	s := &server{t: t, ca: newAuthority(t), addr: l.Addr().String()}
	s.Server = &engine.Server{Transport: transport, Handler: h,
		TLS: &tls.Config{Certificates: []tls.Certificate{s.ca.sign(t, "localhost")}, NextProtos: []string{"http/1.1"}},
		Logf: func(format string, args ...any) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, fmt.Sprintf(format, args...))
		}}
	for _, change := range changes {
		change(s.Server)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		await(t, done, "Serve to return")
		eventually(t, "all connections to end", func() bool { return s.Counters().Open == 0 })
	})
	return s
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

// config is a client's, with changes.
func (s *server) config(changes ...func(*tls.Config)) *tls.Config {
	c := &tls.Config{RootCAs: s.ca.pool, ServerName: "localhost"}
	for _, change := range changes {
		change(c)
	}
	return c
}

// raw connects without TLS.
func (s *server) raw(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// client is a connection with TLS.
type client struct {
	*tls.Conn
	r *bufio.Reader
}

func (s *server) dial(t testing.TB, changes ...func(*tls.Config)) *client {
	t.Helper()
	return s.over(s.raw(t), changes...)
}

func (s *server) over(c net.Conn, changes ...func(*tls.Config)) *client {
	tc := tls.Client(c, s.config(changes...))
	return &client{tc, bufio.NewReader(tc)}
}

// get asks for path and returns the answer's body.
func (c *client) get(path string) (string, error) {
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return "", err
	}
	return c.answer()
}

func (c *client) answer() (string, error) {
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// must is for the results of get.
func must(t testing.TB) func(string, error) string {
	return func(s string, err error) string {
		t.Helper()
		require.NoError(t, err)
		return s
	}
}

func path(x *engine.Exchange) string { return string(x.Head().Path.In(x.HeadBytes())) }

func reply(x *engine.Exchange, body string) {
	out := append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	x.SetOut(append(append(out, "\r\n\r\n"...), body...))
}

// echo answers with path and body.
func echo(x *engine.Exchange) {
	b, err := io.ReadAll(bodyReader{x})
	if err != nil {
		reply(x, "error: "+err.Error())
		return
	}
	reply(x, path(x)+string(b))
}

type bodyReader struct{ *engine.Exchange }

func (r bodyReader) Read(p []byte) (int, error) { return r.ReadBody(p) }

func await[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		t.Fatalf("waited in vain for %s\n%s", what, buf[:runtime.Stack(buf, true)])
	}
	return v
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
