package http2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/http2"
	"github.com/peregrine-http/peregrine/engine/native"
)

// patience is how long a thing that must happen may take on a busy machine.
const patience = 20 * time.Second

// app is a running server that speaks HTTP/1 and HTTP/2, with TLS and without.
type app struct {
	*native.Server
	t             testing.TB
	plain, secure string // host and port
}

func run(t testing.TB, s *native.Server, o http2.Options) *app {
	t.Helper()
	if s.Logger == nil {
		s.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	o.Unencrypted = true
	s.TLSConfig = certified(t)
	http2.Enable(s, o)
	a := &app{Server: s, t: t}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return l
	}
	plain, secure := listen(), listen()
	a.plain, a.secure = plain.Addr().String(), secure.Addr().String()
	served := make(chan error, 2)
	go func() { served <- s.Serve(plain) }()
	go func() { served <- s.ServeTLS(secure, "", "") }()
	t.Cleanup(func() {
		s.Close()
		require.Equal(t, native.ErrServerClosed, <-served)
		require.Equal(t, native.ErrServerClosed, <-served)
		nothingLeft(t)
	})
	return a
}

// nothingLeft waits until no goroutine serves a stream or a connection.
func nothingLeft(t testing.TB) {
	t.Helper()
	var stacks string
	require.Eventually(t, func() bool {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		for _, at := range []string{"net/http.(*http2serverConn)", "net/http.(*conn).serve", "adapters/http2.(", "portable.(*conn)"} {
			if strings.Contains(stacks, at) {
				return false
			}
		}
		return true
	}, patience, 10*time.Millisecond, "%s", &stacks)
}

// certified is a configuration with a certificate that nobody has to trust.
func certified(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// client is one that speaks just this protocol, over TLS or, for UnencryptedHTTP2, without.
func client(t testing.TB, speak func(*http.Protocols, bool)) *http.Client {
	p := new(http.Protocols)
	speak(p, true)
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: p, DisableCompression: true,
		ExpectContinueTimeout: patience}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

var (
	one     = (*http.Protocols).SetHTTP1
	two     = (*http.Protocols).SetHTTP2
	upfront = (*http.Protocols).SetUnencryptedHTTP2
)

func router(routes map[string]native.Handler) *native.Router {
	r := native.NewRouter()
	for pattern, h := range routes {
		r.Handle(pattern, h)
	}
	return r
}
